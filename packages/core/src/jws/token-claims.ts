import { SpiffeError } from '../errors.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, kindOfJson } from '../json-reader.ts';
import { kindOf, quote } from '../quote.ts';
import { SpiffeId } from '../spiffe-id.ts';
import { type TokenError } from './token-error.ts';

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

/** What is in tokens of every kind. Times are in milliseconds since the Unix epoch. */
export interface TokenTimes {
  readonly expiry: number;
  readonly notBefore: number | undefined;
  readonly issuedAt: number | undefined;
  readonly jwtId: string | undefined;
}

/** The latest instant that a `Date` can be, in seconds: the end of time for everyone who writes it down. */
const LATEST = 8_640_000_000_000;

/**
 * The subject of a token, which is a SPIFFE ID.
 *
 * @throws {@link SpiffeError} `ERR_JWT_CLAIM`.
 * @see JWT-SVID 3.1, WIT-SVID 3.1
 */
export function readSubject(claims: JsonObject, fail: TokenError): SpiffeId {
  const sub = claims.get('sub');
  if (typeof sub !== 'string') throw fail('ERR_JWT_CLAIM', 'a SPIFFE ID as sub', nothingOr(sub));
  try {
    return SpiffeId.parse(sub);
  } catch (cause) {
    const reason = cause instanceof SpiffeError ? cause.message : kindOf(cause);
    throw fail('ERR_JWT_CLAIM', 'a SPIFFE ID as sub', `another text (${reason})`);
  }
}

/**
 * When a token is valid, and what says something to people only.
 *
 * @param peer - whom it says to be of, for errors.
 * @throws {@link SpiffeError} `ERR_JWT_CLAIM`.
 * @see JWT-SVID 3.3; WIT-SVID 3.3 to 3.6
 */
export function readTimes(claims: JsonObject, peer: string, fail: TokenError): TokenTimes {
  const exp = claims.get('exp');
  if (exp === undefined) throw fail('ERR_JWT_CLAIM', 'exp', 'none', { peer });
  const instant = (value: JsonValue, name: 'exp' | 'nbf'): number => {
    const ms = asInstant(value);
    if (ms !== undefined) return ms;
    const got = typeof value === 'number' || typeof value === 'bigint' ? `${value}` : nothingOr(value);
    throw fail('ERR_JWT_CLAIM', `seconds since 1970 as ${name}`, got, { peer });
  };
  const nbf = claims.get('nbf');
  const jti = claims.get('jti');
  return {
    expiry: instant(exp, 'exp'),
    notBefore: nbf === undefined ? undefined : instant(nbf, 'nbf'),
    // Says something to people and decides nothing, so nothing is wrong with a strange one.
    issuedAt: asInstant(claims.get('iat')),
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

function asInstant(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const seconds = Number(value);
  // Every comparison with NaN is false; infinity never comes.
  return seconds >= 0 && seconds <= LATEST ? seconds * 1000 : undefined;
}

/** Names the value of a claim for a message. */
export function nothingOr(value: JsonValue | undefined): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? quote(value) : kindOfJson(value);
}
