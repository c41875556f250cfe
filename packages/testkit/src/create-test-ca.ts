import { type Clock, systemClock, TrustDomain } from '@svidkit/core';

import { type CaOptions, defaultCaValidity } from './ca-plan.ts';
import { TestCa } from './test-ca.ts';

/** What a test CA should be like: only the trust domain is needed. */
export interface TestCaOptions extends CaOptions {
  /** The name of the trust domain, for example `prod.example`. */
  readonly trustDomain: string;
  /** What "now" means for it and for all that it issues. Default: the time of this machine. */
  readonly clock?: Clock;
}

/**
 * Makes a self-signed CA for a trust domain.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID` when `trustDomain` is no trust domain name; `ERR_CONFIG_OPTION`
 * when the options contradict each other or name an unknown defect.
 */
export async function createTestCa(options: TestCaOptions): Promise<TestCa> {
  const { trustDomain, clock = systemClock, ...rest } = options;
  return TestCa.create({
    trustDomain: TrustDomain.parse(trustDomain).name,
    clock,
    options: rest,
    inherited: { keyType: 'p256', ...defaultCaValidity(clock.now()) },
    parent: undefined,
  });
}
