import { createPrivateKey, type KeyObject } from 'node:crypto';

import { SpiffeError, TrustDomain } from '@svidkit/core';
import { createTestWitAuthority, type IssueWitOptions, type TestWitEntry } from '@svidkit/testkit';

import {
  checkWitSvid,
  type CheckWitSvidOptions,
  parseWitBundle,
  type UnprovenWitSvid,
  WitBundleSet,
} from '../src/experimental/index.ts';
import { readWitSvids } from '../src/experimental/wit-bundles.ts';
import { type WitSvid } from '../src/experimental/wit-svid.ts';
import { encodeMessage, WITSVIDResponseSchema } from '../src/protocol/index.ts';

export const NOW: number = Date.parse('2026-06-01T12:00:00Z');
export const SECONDS: number = NOW / 1000;
export const clock: { now: () => number } = { now: () => NOW };
const now = (): number => NOW;

export const domainA: TrustDomain = TrustDomain.parse('a.test');
export const domainB: TrustDomain = TrustDomain.parse('b.test');
/** Both trust domains call their key the same. */
export const KID = 'key-1';
export const authorityA = createTestWitAuthority({ trustDomain: 'a.test', now });
export const authorityB = createTestWitAuthority({ trustDomain: 'b.test', now });
export const bundles: WitBundleSet = WitBundleSet.of(
  parseWitBundle(authorityA.bundle(), domainA),
  parseWitBundle(authorityB.bundle(), domainB),
);
export const CLIENT = 'spiffe://a.test/client';

/** A good WIT-SVID of a client, but for what is given. */
export function issue(
  options: Partial<IssueWitOptions> = {},
  authority: typeof authorityA = authorityA,
): TestWitEntry {
  return authority.issue({ subject: '/client', ...options });
}

/** A good token, but for these claims (undefined: without) and headers. */
export function token(claims: object = {}, header: object = {}): string {
  return issue({ claims: { ...claims }, header: { ...header } }).witSvid;
}

/** Checks with what fits a good token, but for these options. */
export function check(
  given: string,
  options: CheckWitSvidOptions = {},
  trusted = bundles,
): Promise<UnprovenWitSvid> {
  return checkWitSvid(given, trusted, { clock, ...options });
}

/** The code of the SpiffeError of what is awaited, or `accepted`; anything else is an error of the test. */
export async function outcomeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return 'accepted';
  } catch (error) {
    if (error instanceof SpiffeError) return error.code;
    throw error;
  }
}

/** What becomes of a token. */
export function outcome(
  given: string,
  options: CheckWitSvidOptions = {},
  trusted = bundles,
): Promise<string> {
  return outcomeOf(check(given, options, trusted));
}

/** A WIT-SVID of ours, as the Workload API gives it. */
export function own(entry: TestWitEntry): WitSvid {
  const [svid] = readWitSvids(encodeMessage(WITSVIDResponseSchema, { svids: [entry] }));
  if (svid === undefined) throw new Error('no WIT-SVID');
  return svid;
}

/** The private key of an entry. */
export function keyOf({ witSvidKey }: TestWitEntry): KeyObject {
  return createPrivateKey({ key: JSON.parse(witSvidKey) as Record<string, string>, format: 'jwk' });
}
