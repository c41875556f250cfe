import { type KeyObject } from 'node:crypto';

import { badBundle, MOST_BUNDLE_BYTES, readKeys } from './bundle-json.ts';
import { INSPECT, type Inspect } from './inspect-custom.ts';
import { readAuthorities } from './jwk-authorities.ts';
import { readJwtKey } from './jwk.ts';
import { kindOf, quote } from './quote.ts';
import { type TrustDomain } from './trust-domain.ts';

/** The keys that sign the JWT-SVIDs of one trust domain, by key ID. Immutable. */
export class JwtBundle {
  /** Whose authorities these are. */
  readonly trustDomain: TrustDomain;
  /** The public keys (RSA, or EC on P-256, P-384 or P-521) by their key ID (`kid`). Not to be written to. */
  readonly authorities: ReadonlyMap<string, KeyObject>;
  /** Why entries were left out, one sentence each. */
  readonly skipped: readonly string[];

  private constructor(
    trustDomain: TrustDomain,
    authorities: ReadonlyMap<string, KeyObject>,
    skipped: readonly string[],
  ) {
    this.trustDomain = trustDomain;
    this.authorities = authorities;
    this.skipped = Object.freeze(skipped);
    Object.freeze(this);
  }

  /**
   * The bundle of keys that are at hand.
   *
   * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` for an empty key ID (JWT-SVID 6.1), and for a key that no JWT-SVID
   * may be signed with: one that is not public, too weak, or of another type.
   */
  static fromAuthorities(
    trustDomain: TrustDomain,
    authorities: Iterable<readonly [string, KeyObject]>,
  ): JwtBundle {
    const kept = new Map<string, KeyObject>();
    for (const [keyId, key] of authorities) {
      if (typeof keyId !== 'string' || keyId === '') throw badKey('a key ID', kindOf(keyId));
      if (key.type !== 'public') throw badKey(`a public key as ${quote(keyId)}`, `a ${key.type} one`);
      const jwk = key.export({ format: 'jwk' });
      const reading = readJwtKey(new Map(Object.entries(jwk).map(([name, value]) => [name, String(value)])));
      if ('problem' in reading) throw badKey(`a key of JWT-SVIDs as ${quote(keyId)}`, reading.problem);
      kept.set(keyId, key);
    }
    return new JwtBundle(trustDomain, kept, []);
  }

  /**
   * Takes the entries of a JWK Set that are for JWT-SVIDs.
   *
   * @param isFor - whether an entry with this `use` is one of them; undefined: it has none.
   * @internal
   */
  static fromJwks(
    trustDomain: TrustDomain,
    keys: readonly unknown[],
    isFor: (use: unknown) => boolean,
  ): JwtBundle {
    const { authorities, skipped } = readAuthorities(keys, isFor, 'JWT-SVIDs');
    return new JwtBundle(trustDomain, authorities, skipped);
  }

  /** Whether it has no authority at all, so that no JWT-SVID of its trust domain can be verified. */
  get isEmpty(): boolean {
    return this.authorities.size === 0;
  }

  /** Whether both are of the same trust domain and have the same keys under the same key IDs. */
  equals(other: JwtBundle): boolean {
    if (this === other) return true;
    if (!this.trustDomain.equals(other.trustDomain)) return false;
    if (this.authorities.size !== other.authorities.size) return false;
    return [...this.authorities].every(([keyId, key]) => other.authorities.get(keyId)?.equals(key) === true);
  }

  /** What a log needs. */
  toJSON(): Record<string, unknown> {
    const { trustDomain, authorities, skipped } = this;
    const keys = Array.from(authorities, ([keyId, key]) => ({ keyId, keyType: key.asymmetricKeyType }));
    return { trustDomain: trustDomain.name, authorities: keys, skipped };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `JwtBundle ${inspect(this.toJSON(), { depth: 3 })}`;
  }
}

/**
 * Reads a JWT bundle as the Workload API delivers it: a JWK Set, whose keys need not say that they are for JWT-SVIDs
 * (`use`), since all of them are (Workload API 6.2.2). Keys that say they are for something else are left out, and so
 * are keys without a key ID, weak ones, and those of types that JWT-SVIDs are not signed with; `skipped` says why.
 *
 * @param jwks - JSON of at most 10 MiB and 10,000 keys.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` for what is no JWK Set, and for one key ID with two keys.
 * @see Workload API 6.2.2, JWT-SVID 6
 */
export function parseJwtBundle(jwks: string | Uint8Array, trustDomain: TrustDomain): JwtBundle {
  const { keys } = readKeys(jwks, MOST_BUNDLE_BYTES);
  return JwtBundle.fromJwks(trustDomain, keys, (use) => use === undefined || use === 'jwt-svid');
}

function badKey(want: string, got: string): Error {
  return badBundle(want, got, { blame: 'caller' });
}
