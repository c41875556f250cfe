import { isJsonArray, type JsonObject, type JsonValue } from '../json-reader.ts';
import { nothingOr, readSubject, readTimes, type TokenTimes } from '../jws/token-claims.ts';
import { type SpiffeId } from '../spiffe-id.ts';
import { jwtError } from './jwt-error.ts';

/** What the standard reads of the claims. Times are in milliseconds since the Unix epoch. */
export interface StandardClaims extends TokenTimes {
  readonly id: SpiffeId;
  readonly audience: readonly string[];
}

/**
 * Reads what every JWT-SVID must have.
 *
 * @throws {@link SpiffeError} `ERR_JWT_CLAIM`.
 * @see JWT-SVID 3
 */
export function readClaims(claims: JsonObject): StandardClaims {
  const id = readSubject(claims, jwtError);
  const times = readTimes(claims, id.toString(), jwtError);
  return { id, audience: readAudience(claims.get('aud'), id), ...times };
}

/** RFC 7519 4.1.3: a text, or a list of them. JWT-SVID 3.2: at least one. */
function readAudience(aud: JsonValue | undefined, id: SpiffeId): readonly string[] {
  const list = typeof aud === 'string' ? [aud] : aud;
  if (isJsonArray(list) && list.length > 0 && list.every(isAudience)) return Object.freeze([...list]);
  const got = isJsonArray(list)
    ? list.length === 0
      ? 'an empty list'
      : 'a list with others'
    : nothingOr(list);
  throw jwtError('ERR_JWT_CLAIM', 'one or more non-empty texts as aud', got, { peer: id.toString() });
}

function isAudience(value: JsonValue): value is string {
  return typeof value === 'string' && value !== '';
}
