import { SpiffeError, SpiffeId, type TrustDomain, X509Bundle } from '@svidkit/core';

import { type BundleReading } from './bundle-reading.ts';
import { type ForeignAuthorities } from './mount-options.ts';

/**
 * A bundle file merged of several trust domains would let each of them vouch for ours. Authorities that say that
 * they are of another one are told by their own SPIFFE ID (X509-SVID 3.2: a signing certificate should have one).
 *
 * @returns the reading without them, and those that they are split off to.
 */
export function withoutForeign(
  reading: BundleReading,
  own: TrustDomain,
  foreignAuthorities: ForeignAuthorities,
  warnings: SpiffeError[],
): readonly BundleReading[] {
  if (reading.bundle === undefined || foreignAuthorities === 'keep') return [reading];
  const byDomain = Map.groupBy(reading.bundle.authorities, (authority) =>
    foreignDomain(authority.uriSans, own),
  );
  if (byDomain.size === 0 || (byDomain.size === 1 && byDomain.has(undefined))) return [reading];
  const names: string[] = [];
  const bundles: X509Bundle[] = [];
  for (const [trustDomain, authorities] of byDomain) {
    if (trustDomain !== undefined) names.push(trustDomain.name);
    bundles.push(
      X509Bundle.fromDer(
        trustDomain ?? own,
        authorities.map(({ der }) => der),
      ),
    );
  }
  if (!byDomain.has(undefined)) bundles.push(X509Bundle.fromDer(own, []));
  const kept = bundles.filter(({ trustDomain }) => foreignAuthorities === 'split' || trustDomain === own);
  if (foreignAuthorities === 'skip') {
    warnings.push(
      new SpiffeError(
        'ERR_BUNDLE_INVALID',
        `want authorities of ${own.name} alone in ${reading.path}, got some of ${names.join(', ')}`,
        {
          hint: 'They are left out. Mount one bundle file for each trust domain, or see option foreignAuthorities.',
          file: reading.path,
        },
      ),
    );
  }
  return kept.map((bundle) => {
    const { trustDomain } = bundle;
    // The file speaks for its own trust domain: of the others, it has authorities and no version.
    const mine = trustDomain === own ? {} : { facts: undefined, skipped: [] };
    return { ...reading, trustDomain, bundle, ...mine };
  });
}

/** The trust domain that an authority names and that is not `own`. */
function foreignDomain(uriSans: readonly string[], own: TrustDomain): TrustDomain | undefined {
  for (const uri of uriSans) {
    try {
      const { trustDomain } = SpiffeId.parse(uri);
      if (!trustDomain.equals(own)) return trustDomain;
    } catch {
      // No SPIFFE ID, so it says nothing about trust domains.
    }
  }
  return undefined;
}
