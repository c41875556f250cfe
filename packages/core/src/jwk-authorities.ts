import { type KeyObject } from 'node:crypto';

import { badBundle } from './bundle-json.ts';
import { isJsonObject, type JsonObject, kindOfJson } from './json-reader.ts';
import { readJwtKey } from './jwk.ts';
import { quote } from './quote.ts';

/** Keys that sign tokens, by key ID, and why entries were left out, one sentence each. */
export interface JwkAuthorities {
  readonly authorities: ReadonlyMap<string, KeyObject>;
  readonly skipped: readonly string[];
}

/**
 * Takes the entries of a JWK Set that are for tokens of one kind.
 *
 * @param isFor - whether an entry with this `use` is one of them; undefined: it has none.
 * @param what - the kind, for `skipped`: `JWT-SVIDs`.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` for one key ID with two keys.
 * @see JWT-SVID 6, WIT-SVID 6
 */
export function readAuthorities(
  keys: readonly unknown[],
  isFor: (use: unknown) => boolean,
  what: string,
): JwkAuthorities {
  const authorities = new Map<string, KeyObject>();
  const skipped: string[] = [];
  for (const [index, jwk] of keys.entries()) {
    if (!isJsonObject(jwk) || !isFor(jwk.get('use'))) continue;
    const place = `keys[${index}]`;
    const reading = readEntry(jwk);
    if ('problem' in reading) {
      skipped.push(`${place} is no authority for ${what}: ${reading.problem}`);
      continue;
    }
    const { keyId, key } = reading;
    const before = authorities.get(keyId);
    // Which of the two a token means nobody can say, and another reader could take the other one.
    if (before !== undefined && !before.equals(key)) {
      throw badBundle('one key for each key ID', `two for ${quote(keyId)} (${place})`);
    }
    authorities.set(keyId, key);
  }
  return { authorities, skipped };
}

function readEntry(
  jwk: JsonObject,
): { readonly keyId: string; readonly key: KeyObject } | { readonly problem: string } {
  const keyId = jwk.get('kid');
  // JWT-SVID 6.1, WIT-SVID 6.1
  if (typeof keyId !== 'string' || keyId === '') {
    return { problem: `want a key ID (kid), got ${keyId === '' ? 'an empty one' : kindOfJson(keyId)}` };
  }
  const reading = readJwtKey(jwk);
  // A copy: what is cut out of a text keeps all of that text in memory.
  return 'problem' in reading ? reading : { keyId: Buffer.from(keyId).toString(), key: reading.key };
}
