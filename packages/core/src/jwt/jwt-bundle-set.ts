import { SpiffeError } from '../errors.ts';
import { INSPECT, type Inspect } from '../inspect-custom.ts';
import { type JwtBundle } from '../jwt-bundle.ts';
import { type TrustDomain } from '../trust-domain.ts';

/** Where the JWT authorities of trust domains come from: a {@link JwtBundleSet}, or what looks like one. */
export interface JwtBundles {
  /** The bundle of a trust domain; undefined when it is unknown. */
  get(trustDomain: TrustDomain): JwtBundle | undefined;
}

/**
 * The JWT authorities of every trust domain we know, each for itself: nothing here gives those of two trust domains
 * together. Immutable.
 */
export class JwtBundleSet implements JwtBundles, Iterable<JwtBundle> {
  /** The set without any bundle. */
  static readonly empty: JwtBundleSet = new JwtBundleSet([]);

  readonly #bundles: ReadonlyMap<string, JwtBundle>;

  private constructor(bundles: Iterable<JwtBundle>) {
    const byName = new Map<string, JwtBundle>();
    for (const bundle of bundles) {
      const { name } = bundle.trustDomain;
      if (byName.has(name)) {
        throw new SpiffeError('ERR_BUNDLE_INVALID', `want one JWT bundle for ${name}, got two`, {
          blame: 'caller',
          hint: 'Decide which one counts; bundles are never merged.',
        });
      }
      byName.set(name, bundle);
    }
    this.#bundles = byName;
    Object.freeze(this);
  }

  /**
   * The set of these bundles.
   *
   * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` when two are of the same trust domain.
   */
  static of(...bundles: JwtBundle[]): JwtBundleSet {
    return bundles.length === 0 ? JwtBundleSet.empty : new JwtBundleSet(bundles);
  }

  /** The bundle of a trust domain; undefined when it is unknown. */
  get(trustDomain: TrustDomain): JwtBundle | undefined {
    return this.#bundles.get(trustDomain.name);
  }

  /** The trust domains there are bundles for, in the order of their names. */
  get trustDomains(): readonly TrustDomain[] {
    return Array.from(this, (bundle) => bundle.trustDomain).toSorted((a, b) => a.compare(b));
  }

  /** How many bundles there are. */
  get size(): number {
    return this.#bundles.size;
  }

  /** This set with `bundle` in place of the one of its trust domain, if there was one. */
  with(bundle: JwtBundle): JwtBundleSet {
    return new JwtBundleSet(new Map(this.#bundles).set(bundle.trustDomain.name, bundle).values());
  }

  /** This set without the bundle of a trust domain. */
  without(trustDomain: TrustDomain): JwtBundleSet {
    const rest = new Map(this.#bundles);
    rest.delete(trustDomain.name);
    return new JwtBundleSet(rest.values());
  }

  [Symbol.iterator](): Iterator<JwtBundle> {
    return this.#bundles.values();
  }

  /** The key IDs of each trust domain. */
  toJSON(): Record<string, unknown> {
    return Object.fromEntries(
      Array.from(this, ({ trustDomain, authorities }) => [trustDomain.name, [...authorities.keys()]]),
    );
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `JwtBundleSet ${inspect(this.toJSON())}`;
  }
}

/**
 * The bundle of the trust domain that a token says to come from, which has at least one authority.
 *
 * @throws {@link SpiffeError} `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`.
 */
export function requireJwtBundle(bundles: JwtBundles, trustDomain: TrustDomain, peer: string): JwtBundle {
  const bundle = bundles.get(trustDomain);
  if (bundle === undefined || !bundle.trustDomain.equals(trustDomain)) {
    throw new SpiffeError('ERR_BUNDLE_UNKNOWN', `no JWT bundle for ${trustDomain.name}`, {
      hint: `Federate with ${trustDomain.name}, or mount its bundle, if its workloads are to be trusted.`,
      peer,
    });
  }
  // JWT-SVID 6.2: without keys for JWT-SVIDs a trust domain does not have any.
  if (bundle.authorities.size === 0) {
    throw new SpiffeError('ERR_BUNDLE_EMPTY', `the bundle for ${trustDomain.name} has no JWT authority`, {
      peer,
    });
  }
  return bundle;
}
