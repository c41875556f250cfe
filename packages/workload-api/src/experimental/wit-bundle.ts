import { type KeyObject } from 'node:crypto';

import { type TrustDomain } from '@svidkit/core';
import {
  badBundle,
  INSPECT,
  type Inspect,
  isJsonObject,
  keysOf,
  MOST_BUNDLE_BYTES,
  quote,
  readAuthorities,
  readBundleJson,
} from '@svidkit/core/jws';

/**
 * The keys that sign the WIT-SVIDs of one trust domain, by key ID. Immutable. It has nothing in common with the bundles
 * of other kinds of SVIDs, so that none can stand in the place of another.
 *
 * Experimental: the standard has WIT-SVIDs as incubating.
 */
export class WitBundle {
  /** Whose authorities these are. */
  readonly trustDomain: TrustDomain;
  /** Why entries were left out, one sentence each. */
  readonly skipped: readonly string[];
  readonly #keys: ReadonlyMap<string, KeyObject>;

  private constructor(
    trustDomain: TrustDomain,
    keys: ReadonlyMap<string, KeyObject>,
    skipped: readonly string[],
  ) {
    this.trustDomain = trustDomain;
    this.skipped = Object.freeze([...skipped]);
    this.#keys = keys;
    Object.freeze(this);
  }

  /**
   * Takes the entries of a JWK Set that are for WIT-SVIDs.
   *
   * @param isFor - whether an entry with this `use` is one of them; undefined: it has none.
   * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID`.
   * @internal
   */
  static fromJwks(
    trustDomain: TrustDomain,
    keys: readonly unknown[],
    isFor: (use: unknown) => boolean,
  ): WitBundle {
    requireUniqueKeyIds(keys, isFor);
    const { authorities, skipped } = readAuthorities(keys, isFor, 'WIT-SVIDs');
    return new WitBundle(trustDomain, authorities, skipped);
  }

  /**
   * The keys of a bundle.
   *
   * @throws {@link TypeError} for what is none, whatever it looks like.
   * @internal
   */
  static keysOf(bundle: WitBundle): ReadonlyMap<string, KeyObject> {
    return bundle.#keys;
  }

  /** Whether `value` is one of these. */
  static isBundle(value: unknown): value is WitBundle {
    return typeof value === 'object' && value !== null && #keys in value;
  }

  /** The IDs of its keys, in the order of the document. None: the trust domain has no WIT-SVIDs. */
  get keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** What a log needs. */
  toJSON(): Record<string, unknown> {
    const { trustDomain, keyIds, skipped } = this;
    return { trustDomain: trustDomain.name, keyIds, skipped };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, show: Inspect): string {
    return `WitBundle ${show(this.toJSON())}`;
  }
}

/**
 * Reads the keys for WIT-SVIDs out of a SPIFFE bundle: the entries whose `use` is `wit-svid`, and no other. A document
 * without any says that its trust domain has no WIT-SVIDs.
 *
 * @param json - at most 10 MiB and 10,000 keys.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` for what is no JWK Set, and when a `kid` of theirs is also that of
 * another key for WIT-SVIDs or JWT-SVIDs.
 * @see WIT-SVID 6
 */
export function parseWitBundle(json: string | Uint8Array, trustDomain: TrustDomain): WitBundle {
  const { keys } = keysOf(readBundleJson(json, MOST_BUNDLE_BYTES), ` of ${trustDomain.name}`);
  return WitBundle.fromJwks(trustDomain, keys, (use) => use === 'wit-svid');
}

/** WIT-SVID 6.1: no two keys for tokens, of whatever kind, go by one name. */
function requireUniqueKeyIds(keys: readonly unknown[], isFor: (use: unknown) => boolean): void {
  const uses = new Map<string, boolean>();
  for (const jwk of keys) {
    const keyId = isJsonObject(jwk) ? jwk.get('kid') : undefined;
    if (!isJsonObject(jwk) || typeof keyId !== 'string') continue;
    const isOurs = isFor(jwk.get('use'));
    if (!isOurs && jwk.get('use') !== 'jwt-svid') continue;
    const isTheOther = uses.get(keyId);
    if (isTheOther === true || (isTheOther === false && isOurs)) {
      throw badBundle('one key for each key ID', `two for ${quote(keyId)}`);
    }
    uses.set(keyId, isOurs);
  }
}
