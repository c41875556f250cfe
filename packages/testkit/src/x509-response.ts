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

/** The fields of one identity, as the protocol names them. */
export interface X509SvidFields {
  readonly spiffeId: string;
  readonly x509Svid: Uint8Array;
  readonly x509SvidKey: Uint8Array;
  readonly bundle: Uint8Array;
  readonly hint: string;
}

/** The fields of the message, as the protocol names them. */
export interface X509ResponseFields {
  readonly svids: X509SvidFields[];
  readonly crl: Uint8Array[];
  readonly federatedBundles: Record<string, Uint8Array>;
}

/**
 * The message that the Workload API gives a process with these identities. A plain object: spread it and spoil a field
 * to see how a service takes that.
 */
export function x509Response(
  entries: readonly X509Entry[],
  { federated = [], crls = [] }: X509ResponseOptions = {},
): X509ResponseFields {
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
