import { INSPECT, type Inspect } from '../inspect-custom.ts';
import { type JsonObject } from '../json-reader.ts';
import { isWholeSignature } from '../jws/jws-algorithms.ts';
import { readCompactJws, readObject } from '../jws/read-compact-jws.ts';
import { freezeClaims, type JwtClaims } from '../jws/token-claims.ts';
import { type SpiffeId } from '../spiffe-id.ts';
import { readClaims } from './claims.ts';
import { jwtError } from './jwt-error.ts';
import { JWT_FORM } from './jwt-form.ts';

/**
 * A JWT-SVID. Immutable. Nothing that prints it shows the token, which is a password for as long as it lives.
 *
 * Whether it is proven is in `verified`: {@link parseJwtSvid} gives what a token *says*, and only
 * {@link validateJwtSvid} what a trust domain vouches for.
 */
export class JwtSvid<Verified extends boolean = boolean> {
  /** Its subject. */
  readonly id: SpiffeId;
  /** For whom it is: at least one. */
  readonly audience: readonly string[];
  /** When it expires, in milliseconds since the Unix epoch. */
  readonly expiry: number;
  /** When its issuer says to have made it, in milliseconds since the Unix epoch; undefined when it does not say. */
  readonly issuedAt: number | undefined;
  /** Before which instant it must not be accepted, in milliseconds since the Unix epoch. */
  readonly notBefore: number | undefined;
  /** The claim `jti`. Nothing here remembers it: whoever wants each token to be used once has to. */
  readonly jwtId: string | undefined;
  /** All claims. */
  readonly claims: JwtClaims;
  /** Whether its signature, its audience and its time were checked. */
  readonly verified: Verified;
  readonly #token: string;

  private constructor(token: string, claims: JsonObject, isVerified: Verified) {
    const { id, audience, expiry, issuedAt, notBefore, jwtId } = readClaims(claims);
    this.id = id;
    this.audience = audience;
    this.expiry = expiry;
    this.issuedAt = issuedAt;
    this.notBefore = notBefore;
    this.jwtId = jwtId;
    this.claims = freezeClaims(claims);
    this.verified = isVerified;
    this.#token = token;
    Object.freeze(this);
  }

  /**
   * What a token says.
   *
   * @throws {@link SpiffeError} `ERR_JWT_CLAIM`.
   * @internal
   */
  static unverified(token: string, claims: JsonObject): JwtSvid<false> {
    return new JwtSvid(token, claims, false);
  }

  /**
   * What a token says, by someone who has proven it.
   *
   * @internal
   */
  static verified(token: string, claims: JsonObject): VerifiedJwtSvid {
    return new JwtSvid(token, claims, true);
  }

  /** The token itself, to be sent to one of its audience over an encrypted connection. */
  get token(): string {
    return this.#token;
  }

  /** The subject as text. */
  toString(): string {
    return this.id.toString();
  }

  /** What a log needs, and never the token. */
  toJSON(): Record<string, unknown> {
    const { id, audience, expiry, issuedAt, verified } = this;
    return {
      id: id.toString(),
      audience,
      expiry: new Date(expiry).toISOString(),
      ...(issuedAt === undefined ? {} : { issuedAt: new Date(issuedAt).toISOString() }),
      verified,
    };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `JwtSvid ${inspect(this.toJSON())}`;
  }
}

/** A JWT-SVID that a trust domain we know vouches for. */
export type VerifiedJwtSvid = JwtSvid<true>;

/** How to read a JWT-SVID. */
export interface ParseJwtSvidOptions {
  /** Whether headers beside `alg`, `kid` and `typ`, and a token without `kid`, are refused. @default false */
  readonly strict?: boolean;
}

/**
 * Reads a JWT-SVID **without proving anything**: its signature, its time and its audience are not looked at. For tokens
 * that our own issuer gave us; a token that somebody else sent goes through {@link validateJwtSvid}.
 *
 * @param token - in compact serialization, at most 16,384 characters.
 * @returns an SVID whose `verified` is false.
 * @throws {@link SpiffeError} `ERR_JWT_MALFORMED`, `ERR_JWT_TOO_LONG`, `ERR_JWT_HEADER`, `ERR_JWT_ALGORITHM`,
 * `ERR_JWT_CLAIM`; with `strict` also `ERR_JWT_KEY`.
 */
export function parseJwtSvid(token: string, options: ParseJwtSvidOptions = {}): JwtSvid<false> {
  const isStrict = options.strict === true;
  const jws = readCompactJws(token, { isStrict, needsKeyId: isStrict, ...JWT_FORM });
  // Half a file can look like a token.
  if (!isWholeSignature(jws.algorithm, jws.signature.length)) {
    throw jwtError('ERR_JWT_MALFORMED', 'a whole signature', `${jws.signature.length} bytes`);
  }
  return JwtSvid.unverified(token, readObject('payload', jws.payload, jwtError));
}
