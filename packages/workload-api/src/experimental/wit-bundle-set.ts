import { SpiffeError, type TrustDomain } from '@svidkit/core';
import { INSPECT, type Inspect } from '@svidkit/core/jws';

import { WitBundle } from './wit-bundle.ts';

/** Where the WIT authorities of trust domains come from: a {@link WitBundleSet}, or what looks like one. */
export interface WitBundles {
  /** The bundle of a trust domain; undefined when it is unknown. */
  get(trustDomain: TrustDomain): WitBundle | undefined;
}

/**
 * The WIT authorities of every trust domain we know, each for itself: nothing here gives those of two trust domains
 * together. Immutable.
 *
 * Experimental: the standard has WIT-SVIDs as incubating.
 */
export class WitBundleSet implements WitBundles, Iterable<WitBundle> {
  readonly #bundles = new Map<string, WitBundle>();

  private constructor(bundles: readonly WitBundle[]) {
    for (const bundle of bundles) {
      const { name } = bundle.trustDomain;
      if (this.#bundles.has(name)) {
        throw new SpiffeError('ERR_BUNDLE_INVALID', `want one WIT bundle for ${name}, got two`, {
          blame: 'caller',
          hint: 'Decide which one counts; bundles are never merged.',
        });
      }
      this.#bundles.set(name, bundle);
    }
    Object.freeze(this);
  }

  /**
   * The set of these bundles.
   *
   * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` when two are of the same trust domain.
   */
  static of(...bundles: readonly WitBundle[]): WitBundleSet {
    return new WitBundleSet(bundles);
  }

  /** The bundle of a trust domain; undefined when it is unknown. */
  get(trustDomain: TrustDomain): WitBundle | undefined {
    return this.#bundles.get(trustDomain.name);
  }

  /** The trust domains there are bundles for, in the order of their names. */
  get trustDomains(): readonly TrustDomain[] {
    return Array.from(this, (bundle) => bundle.trustDomain).toSorted((a, b) => a.compare(b));
  }

  [Symbol.iterator](): Iterator<WitBundle> {
    return this.#bundles.values();
  }

  /** The key IDs of each trust domain. */
  toJSON(): Record<string, unknown> {
    return Object.fromEntries(Array.from(this, ({ trustDomain, keyIds }) => [trustDomain.name, keyIds]));
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, show: Inspect): string {
    return `WitBundleSet ${show(this.toJSON())}`;
  }
}

/**
 * The bundle of the trust domain that a token says to come from, which has at least one authority. Only a
 * {@link WitBundle} is one: keys for other SVIDs prove nothing (Workload API 7.2.2).
 *
 * @throws {@link SpiffeError} `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`.
 */
export function requireWitBundle(bundles: WitBundles, trustDomain: TrustDomain, peer: string): WitBundle {
  const bundle: unknown = bundles.get(trustDomain);
  if (!WitBundle.isBundle(bundle) || !bundle.trustDomain.equals(trustDomain)) {
    throw new SpiffeError('ERR_BUNDLE_UNKNOWN', `no WIT bundle for ${trustDomain.name}`, {
      hint: `Get the WIT bundle of ${trustDomain.name}, if its workloads are to be trusted.`,
      peer,
    });
  }
  // WIT-SVID 6.2: without keys for WIT-SVIDs a trust domain does not have any.
  if (bundle.keyIds.length === 0) {
    throw new SpiffeError('ERR_BUNDLE_EMPTY', `the bundle for ${trustDomain.name} has no WIT authority`, {
      peer,
    });
  }
  return bundle;
}
