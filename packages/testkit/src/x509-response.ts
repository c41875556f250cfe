import { type MessageInitShape, type X509SVIDResponseSchema } from '@svidkit/workload-api/protocol';

import { type TestBundle } from './test-bundle.ts';
import { type TestSvid } from './test-svid.ts';

/** One identity of an {@link x509Response}. */
export interface X509Entry {
  readonly svid: TestSvid;
  /** The authorities of its trust domain. A `TestCa` is one. */
  readonly bundle: TestBundle;
  readonly hint?: string;
}

/** What {@link x509Response} can carry beside identities. */
export interface X509ResponseOptions {
  /** The authorities of other trust domains. */
  readonly federated?: readonly TestBundle[];
  /** Certificate revocation lists as DER. */
  readonly crls?: readonly Uint8Array[];
}

/**
 * The message that the Workload API gives a process with these identities. A plain object: spread it and spoil a field
 * to see how a service takes that.
 */
export function x509Response(
  entries: readonly X509Entry[],
  { federated = [], crls = [] }: X509ResponseOptions = {},
): Exclude<MessageInitShape<typeof X509SVIDResponseSchema>, { $typeName: string }> {
  return {
    svids: entries.map(({ svid, bundle, hint = '' }) => ({
      spiffeId: svid.id,
      x509Svid: Buffer.concat(svid.chainDer),
      x509SvidKey: svid.key.export({ type: 'pkcs8', format: 'der' }),
      bundle: Buffer.concat(bundle.authorities),
      hint,
    })),
    crl: [...crls],
    federatedBundles: bundleMap(federated),
  };
}

/** Bundles as the maps of the Workload API have them: DER, one certificate after the other, by `spiffe://trust-domain`. */
export function bundleMap(bundles: readonly TestBundle[]): Record<string, Uint8Array> {
  return Object.fromEntries(
    bundles.map(({ trustDomain, authorities }) => [`spiffe://${trustDomain}`, Buffer.concat(authorities)]),
  );
}
