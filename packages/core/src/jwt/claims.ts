import { SpiffeError } from '../errors.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, kindOfJson } from '../json-reader.ts';
import { kindOf, quote } from '../quote.ts';
import { SpiffeId } from '../spiffe-id.ts';
import { jwtError } from './jwt-error.ts';

/** A claim: a JSON value. Objects have no prototype. Frozen. */
export type JwtClaim =
  | null
  | boolean
  | string
  | number
  | readonly JwtClaim[]
  | { readonly [name: string]: JwtClaim };

/** The claims of a token by name. An object without a prototype, frozen. */
export type JwtClaims = Readonly<Record<string, JwtClaim>>;

/** What the standard reads of the claims. Times are in milliseconds since the Unix epoch. */
export interface StandardClaims {
  readonly id: SpiffeId;
  readonly audience: readonly string[];
  readonly expiry: number;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
  readonly jwtId: string | undefined;
}

/** The latest instant that a `Date` can be, in seconds: the end of time for everyone who writes it down. */
const LATEST = 8_640_000_000_000;

/**
 * Reads what every JWT-SVID must have.
 *
 * @throws {@link SpiffeError} `ERR_JWT_CLAIM`.
 * @see JWT-SVID 3
 */
export function readClaims(claims: JsonObject): StandardClaims {
  const id = readSubject(claims.get('sub'));
  const exp = claims.get('exp');
  if (exp === undefined) throw jwtError('ERR_JWT_CLAIM', 'exp', 'none', { peer: id.toString() });
  const nbf = claims.get('nbf');
  const iat = claims.get('iat');
  const jti = claims.get('jti');
  return {
    id,
    audience: readAudience(claims.get('aud'), id),
    expiry: readInstant(exp, 'exp', id),
    notBefore: nbf === undefined ? undefined : readInstant(nbf, 'nbf', id),
    // Says something to people and decides nothing, so nothing is wrong with a strange one.
    issuedAt: asInstant(iat),
    jwtId: typeof jti === 'string' ? jti : undefined,
  };
}

/** The claims as plain frozen values. Numbers beyond 2^53 lose digits, as everywhere in JavaScript. */
export function freezeClaims(claims: JsonObject): JwtClaims {
  const plain: Record<string, JwtClaim> = Object.fromEntries(
    Array.from(claims, ([name, value]) => [name, freezeClaim(value)]),
  );
  Object.setPrototypeOf(plain, null);
  return Object.freeze(plain);
}

function freezeClaim(value: JsonValue): JwtClaim {
  if (typeof value === 'bigint') return Number(value);
  if (isJsonObject(value)) return freezeClaims(value);
  if (isJsonArray(value)) return Object.freeze(value.map((one) => freezeClaim(one)));
  return value;
}

function readSubject(sub: JsonValue | undefined): SpiffeId {
  if (typeof sub !== 'string') throw jwtError('ERR_JWT_CLAIM', 'a SPIFFE ID as sub', nothingOr(sub));
  try {
    return SpiffeId.parse(sub);
  } catch (cause) {
    const reason = cause instanceof SpiffeError ? cause.message : kindOf(cause);
    throw jwtError('ERR_JWT_CLAIM', 'a SPIFFE ID as sub', `another text (${reason})`);
  }
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

function readInstant(value: JsonValue, name: 'exp' | 'nbf', id: SpiffeId): number {
  const ms = asInstant(value);
  if (ms !== undefined) return ms;
  const got = typeof value === 'number' || typeof value === 'bigint' ? `${value}` : nothingOr(value);
  throw jwtError('ERR_JWT_CLAIM', `seconds since 1970 as ${name}`, got, { peer: id.toString() });
}

function asInstant(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const seconds = Number(value);
  // Every comparison with NaN is false; infinity never comes.
  return seconds >= 0 && seconds <= LATEST ? seconds * 1000 : undefined;
}

function nothingOr(value: JsonValue | undefined): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? quote(value) : kindOfJson(value);
}
