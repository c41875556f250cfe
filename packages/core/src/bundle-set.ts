import { SpiffeError } from './errors.ts';
import { firstReasons } from './first-reasons.ts';
import { INSPECT, type Inspect } from './inspect-custom.ts';
import { type TrustDomain } from './trust-domain.ts';
import { type X509Bundle } from './x509-bundle.ts';

/**
 * The authorities of every trust domain we know, each for itself: nothing here gives the authorities of two
 * trust domains together, because one could then vouch for the other. Immutable.
 */
export class BundleSet implements Iterable<X509Bundle> {
  /** The set without any bundle. */
  static readonly empty: BundleSet = new BundleSet([]);

  readonly #bundles: ReadonlyMap<string, X509Bundle>;

  private constructor(bundles: Iterable<X509Bundle>) {
    const byName = new Map<string, X509Bundle>();
    for (const bundle of bundles) {
      const { name } = bundle.trustDomain;
      // rule: bundles.one-per-trust-domain
      if (byName.has(name)) {
        throw new SpiffeError('ERR_BUNDLE_INVALID', `want one bundle for ${name}, got two`, {
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
  static of(...bundles: X509Bundle[]): BundleSet {
    return bundles.length === 0 ? BundleSet.empty : new BundleSet(bundles);
  }

  /** The bundle of a trust domain; undefined when it is unknown. */
  get(trustDomain: TrustDomain): X509Bundle | undefined {
    return this.#bundles.get(trustDomain.name);
  }

  /**
   * The bundle of a trust domain, which has at least one authority.
   *
   * @param options - `peer` is the SPIFFE ID it is needed for, named in errors.
   * @throws {@link SpiffeError} `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`.
   */
  require(trustDomain: TrustDomain, options: { readonly peer?: string } = {}): X509Bundle {
    const bundle = this.get(trustDomain);
    // rule: bundles.known
    if (bundle === undefined) {
      throw new SpiffeError('ERR_BUNDLE_UNKNOWN', `no trust bundle for ${trustDomain.name}`, {
        hint: `Federate with ${trustDomain.name}, or mount its bundle, if its workloads are to be trusted.`,
        ...options,
      });
    }
    // Trust Domain and Bundle 4.1.3: an empty bundle revokes everything, it never means "anything goes".
    // rule: bundles.empty-trusts-nothing
    if (bundle.isEmpty) {
      const skipped = bundle.skipped.length === 0 ? '' : ` (${firstReasons(bundle.skipped)})`;
      throw new SpiffeError(
        'ERR_BUNDLE_EMPTY',
        `the trust bundle for ${trustDomain.name} has no authority${skipped}`,
      );
    }
    return bundle;
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
  with(bundle: X509Bundle): BundleSet {
    return new BundleSet(new Map(this.#bundles).set(bundle.trustDomain.name, bundle).values());
  }

  /** This set without the bundle of a trust domain. */
  without(trustDomain: TrustDomain): BundleSet {
    const rest = new Map(this.#bundles);
    rest.delete(trustDomain.name);
    return new BundleSet(rest.values());
  }

  /** Whether both have equal bundles for the same trust domains. */
  equals(other: BundleSet): boolean {
    if (this.size !== other.size) return false;
    for (const bundle of this) {
      const theirs = other.get(bundle.trustDomain);
      if (theirs === undefined || !bundle.equals(theirs)) return false;
    }
    return true;
  }

  [Symbol.iterator](): Iterator<X509Bundle> {
    return this.#bundles.values();
  }

  /** Per trust domain, what its bundle tells a log. */
  toJSON(): Record<string, unknown> {
    return Object.fromEntries(Array.from(this, (bundle) => [bundle.trustDomain.name, bundle.toJSON()]));
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `BundleSet ${inspect(this.toJSON(), { depth: 4 })}`;
  }
}
