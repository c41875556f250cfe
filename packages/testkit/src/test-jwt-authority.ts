import { JwtBundle, SpiffeId, TrustDomain } from '@svidkit/core';
import { type JwtAlgorithm } from '@svidkit/core/jws';

import { requireAlgorithm, signedToken, tokenKeyPair } from './signed-token.ts';

/** How a {@link TestJwtAuthority} signs: what JWT-SVIDs may be signed with. */
export type JwtKeyAlgorithm = JwtAlgorithm;

/** Options of {@link createTestJwtAuthority}. Everything may be left out. */
export interface TestJwtAuthorityOptions {
  /** @default 'example.test' */
  readonly trustDomain?: string;
  /** What the key is called in bundles and tokens. @default 'key-1' */
  readonly keyId?: string;
  /** @default 'ES256' */
  readonly algorithm?: JwtKeyAlgorithm;
  /** What time it is, in milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/** What a token says. */
export interface IssueJwtOptions {
  /** The path of its subject in the trust domain of the authority, `/client`, or a whole SPIFFE ID. */
  readonly subject: string;
  /** For whom it is. */
  readonly audience: string | readonly string[];
  /** How long it lives, in milliseconds; negative: it has expired. @default 300_000 */
  readonly ttlMs?: number;
  /** More claims, or others: `{ aud: undefined }` leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** More headers, or others. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** What signs the JWT-SVIDs of a trust domain. */
export interface TestJwtAuthority {
  readonly trustDomain: string;
  readonly keyId: string;
  /** A token in compact serialization. */
  issue(options: IssueJwtOptions): string;
  /** Its bundle, as the type that services use. */
  bundle(): JwtBundle;
  /** Its bundle as a JWK Set, as the Workload API delivers it. */
  jwks(): string;
}

const LIFE_MS = 300_000;

/**
 * Makes a key that signs JWT-SVIDs. Making an RSA key takes a moment.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_CONFIG_OPTION`.
 */
export function createTestJwtAuthority(options: TestJwtAuthorityOptions = {}): TestJwtAuthority {
  const { keyId = 'key-1', algorithm = 'ES256', now = Date.now } = options;
  const trustDomain = TrustDomain.parse(options.trustDomain ?? 'example.test');
  requireAlgorithm(algorithm);
  const { privateKey, publicKey } = tokenKeyPair(algorithm);
  return Object.freeze({
    trustDomain: trustDomain.name,
    keyId,
    issue(issued: IssueJwtOptions) {
      const { subject, audience, ttlMs = LIFE_MS } = issued;
      const id = subject.startsWith('/') ? SpiffeId.fromPath(trustDomain, subject).toString() : subject;
      const seconds = now() / 1000;
      const claims = { sub: id, aud: audience, exp: seconds + ttlMs / 1000, iat: seconds, ...issued.claims };
      const header = { alg: algorithm, kid: keyId, typ: 'JWT', ...issued.header };
      return signedToken(header, claims, { algorithm, privateKey });
    },
    bundle: () => JwtBundle.fromAuthorities(trustDomain, [[keyId, publicKey]]),
    jwks: () => JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: keyId }] }),
  });
}
