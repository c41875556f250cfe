import { Buffer } from 'node:buffer';

import { BundleSet, SpiffeError, TrustDomain, X509Bundle } from '@svidkit/core';

import { encodePem } from './encode-pem.ts';

/** The authorities of one trust domain. A `TestCa` is one too, so it goes wherever a bundle is wanted. */
export interface TestBundle {
  readonly trustDomain: string;
  /** DER certificates. */
  readonly authorities: readonly Uint8Array[];
  /** The same as PEM. */
  readonly bundlePem: string;
  /**
   * The same as the type that services use.
   *
   * @throws {@link SpiffeError} as `X509Bundle.fromPem`, when a defect makes the authorities unreadable.
   */
  bundle(): X509Bundle;
}

/**
 * One bundle with the authorities of all `parts`, each once: what a trust domain publishes while its CA rotates.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when there are no parts or they are of several trust domains,
 * which never share a bundle.
 */
export function testBundle(...parts: readonly TestBundle[]): TestBundle {
  const [first] = parts;
  if (first === undefined) throw new SpiffeError('ERR_CONFIG_OPTION', 'want at least one bundle, got none');
  const stranger = parts.find(({ trustDomain }) => trustDomain !== first.trustDomain);
  if (stranger !== undefined) {
    throw new SpiffeError(
      'ERR_CONFIG_OPTION',
      `want bundles of one trust domain, got ${first.trustDomain} and ${stranger.trustDomain}`,
      { hint: 'Pass them to testBundleSet, which keeps trust domains apart.' },
    );
  }
  const authorities = unique(parts.flatMap((part) => part.authorities));
  return testBundleOf(first.trustDomain, authorities);
}

/** The bundles of several trust domains, each for itself; those of one trust domain are joined. */
export function testBundleSet(...parts: readonly TestBundle[]): BundleSet {
  const byTrustDomain = Map.groupBy(parts, ({ trustDomain }) => trustDomain);
  return BundleSet.of(...[...byTrustDomain.values()].map((group) => testBundle(...group).bundle()));
}

/** A bundle of any DER certificates, fit or not: what stands in a bundle is for the reader to judge. */
export function testBundleOf(trustDomain: string, authorities: readonly Uint8Array[]): TestBundle {
  const bundlePem = authorities.map((der) => encodePem('CERTIFICATE', der)).join('');
  return Object.freeze({
    trustDomain,
    authorities: Object.freeze([...authorities]),
    bundlePem,
    bundle: () => X509Bundle.fromPem(TrustDomain.parse(trustDomain), bundlePem),
  });
}

function unique(authorities: readonly Uint8Array[]): Uint8Array[] {
  const byText = new Map(authorities.map((der) => [Buffer.from(der).toString('base64'), der]));
  return [...byText.values()];
}
