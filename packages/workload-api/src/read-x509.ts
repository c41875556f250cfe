import { BundleSet, firstReasons, SpiffeError, type TrustDomain, X509Bundle, X509Svid } from '@svidkit/core';

import { badMessage, badPart, readMessage } from './bad-message.ts';
import { X509BundlesResponseSchema, type X509SVID, X509SVIDResponseSchema } from './gen/workload_pb.ts';
import { readBundleKey, readId } from './read-id.ts';
import { splitDer } from './split-der.ts';

/** Everything that the Workload API gives a process about X.509: one whole message. */
export interface WorkloadX509Context {
  /** At least one; the first is the default identity. Of several with the same hint, only the first is here. */
  readonly svids: readonly X509Svid[];
  /** The authorities of our own trust domains and of those we federate with, each for itself. */
  readonly bundles: BundleSet;
  /** Certificate revocation lists as DER, as they came. Nothing in svidkit reads them. */
  readonly crls: readonly Uint8Array[];
}

/** The bundles that the Workload API gives a process, with or without an identity: one whole message. */
export type WorkloadX509Bundles = Pick<WorkloadX509Context, 'bundles' | 'crls'>;

/** Reads the messages of one stream. A bundle that has not changed stays the same object. */
export class X509Reader {
  #known = new Map<TrustDomain, { readonly bytes: Buffer; readonly bundle: X509Bundle }>();

  /**
   * Reads a message of FetchX509SVID, or of SubscribeToX509SVID of a broker, which has the same fields. The bytes of its private keys are wiped, whatever comes of it.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, and the code of what is wrong with an SVID, an ID or a
   * bundle: one bad part spoils the whole message (Workload API 4.5).
   */
  readContext(bytes: Uint8Array): WorkloadX509Context {
    const message = readMessage(X509SVIDResponseSchema, bytes);
    try {
      if (message.svids.length === 0) throw badMessage('it has no svids');
      const svids = message.svids.map((svid, index) =>
        readSvid(svid, `SVID ${index + 1} of ${message.svids.length}`),
      );
      const own: [TrustDomain, Uint8Array][] = message.svids.map(({ bundle }, index) => {
        const [{ id }] = [svids[index] ?? missing()];
        return [id.trustDomain, bundle];
      });
      const federated = Object.entries(message.federatedBundles).map(
        ([key, der]): [TrustDomain, Uint8Array] => [readBundleKey(key), der],
      );
      const bundles = this.#readBundles(own, federated);
      return Object.freeze({ svids: firstOfEachHint(svids), bundles, crls: copies(message.crl) });
    } finally {
      for (const { x509SvidKey } of message.svids) x509SvidKey.fill(0);
    }
  }

  /**
   * Reads a message of FetchX509Bundles, or of SubscribeToX509Bundles of a broker.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_*`, `ERR_BUNDLE_INVALID`.
   */
  readBundles(bytes: Uint8Array): WorkloadX509Bundles {
    const message = readMessage(X509BundlesResponseSchema, bytes);
    const given = Object.entries(message.bundles).map(([key, der]): [TrustDomain, Uint8Array] => [
      readBundleKey(key),
      der,
    ]);
    if (given.length === 0) throw badMessage('it has no bundles');
    return Object.freeze({ bundles: this.#readBundles([], given), crls: copies(message.crl) });
  }

  #readBundles(
    own: readonly [TrustDomain, Uint8Array][],
    others: readonly [TrustDomain, Uint8Array][],
  ): BundleSet {
    const bundles = new Map<TrustDomain, { readonly bytes: Buffer; readonly bundle: X509Bundle }>();
    // The bundle that came with an SVID counts, whatever the federated ones say of the same trust domain.
    for (const [trustDomain, der] of own) {
      const known = bundles.get(trustDomain) ?? this.#readBundle(trustDomain, der);
      // Trust Domain and Bundle 4.1.3 has empty bundles, but a trust domain that issues must have an authority.
      if (known.bundle.isEmpty) {
        const why = firstReasons(known.bundle.skipped);
        throw new SpiffeError(
          'ERR_BUNDLE_EMPTY',
          `bad message from the agent: no authority in the bundle of ${trustDomain.name}${why === '' ? '' : ` (${why})`}`,
          { hint: 'The message is discarded as a whole. Check the bundle of the trust domain.' },
        );
      }
      bundles.set(trustDomain, known);
    }
    for (const [trustDomain, der] of others) {
      if (!bundles.has(trustDomain)) bundles.set(trustDomain, this.#readBundle(trustDomain, der));
    }
    this.#known = bundles;
    return BundleSet.of(...Array.from(bundles.values(), ({ bundle }) => bundle));
  }

  #readBundle(
    trustDomain: TrustDomain,
    der: Uint8Array,
  ): { readonly bytes: Buffer; readonly bundle: X509Bundle } {
    const known = this.#known.get(trustDomain);
    if (known !== undefined && Buffer.compare(known.bytes, der) === 0) return known;
    // A copy, so that the message with its keys is not kept for the sake of its bundles.
    const bytes = Buffer.from(der);
    try {
      return { bytes, bundle: X509Bundle.fromDer(trustDomain, splitDer(bytes)) };
    } catch (error) {
      throw badPart(`the bundle of ${trustDomain.name}`, error);
    }
  }
}

/** Workload API 5.2.1: all fields are mandatory except the hint. */
function readSvid({ spiffeId, x509Svid, x509SvidKey, bundle, hint }: X509SVID, part: string): X509Svid {
  const id = readId(spiffeId, part);
  for (const [field, value] of Object.entries({ x509_svid: x509Svid, x509_svid_key: x509SvidKey, bundle })) {
    if (value.length === 0) throw badMessage(`${part} (${id.toString()}) has no ${field}`);
  }
  const named = `${part} (${id.toString()})`;
  let svid;
  try {
    svid = X509Svid.fromDer({
      // A copy, as above.
      certificates: new Uint8Array(x509Svid),
      privateKey: x509SvidKey,
      hint: hint === '' ? undefined : hint,
    });
  } catch (error) {
    throw badPart(named, error);
  }
  if (!svid.id.equals(id)) throw badMessage(`${named} has a certificate of ${svid.id.toString()}`);
  return svid;
}

/** Workload API 5.2.1: the first of those with the same hint counts. No hint is no name, so it is never the same. */
function firstOfEachHint(svids: readonly X509Svid[]): readonly X509Svid[] {
  const hints = new Set<string>();
  return Object.freeze(
    svids.filter(({ hint }) => {
      if (hint === undefined) return true;
      const isFirst = !hints.has(hint);
      hints.add(hint);
      return isFirst;
    }),
  );
}

function copies(list: readonly Uint8Array[]): readonly Uint8Array[] {
  return Object.freeze(list.map((bytes) => new Uint8Array(bytes)));
}

function missing(): never {
  throw badMessage('an SVID is missing');
}
