import { SpiffeId, TrustDomain } from '@svidkit/core';

import { requireAlgorithm, signedToken, tokenKeyPair } from './signed-token.ts';
import { type JwtKeyAlgorithm, type TestJwtAuthorityOptions } from './test-jwt-authority.ts';

/** What a WIT-SVID says. */
export interface IssueWitOptions {
  /** The path of its subject in the trust domain of the authority, `/client`, or a whole SPIFFE ID. */
  readonly subject: string;
  /** How long it lives, in milliseconds; negative: it has expired. @default 3_600_000 */
  readonly ttlMs?: number;
  /** Of the key of its holder. @default 'ES256' */
  readonly algorithm?: JwtKeyAlgorithm;
  /** More claims, or others: `{ cnf: undefined }` leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** More headers, or others. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** A WIT-SVID with the key of its holder, as an entry of the Workload API. */
export interface TestWitEntry {
  readonly spiffeId: string;
  /** The token in compact serialization. */
  readonly witSvid: string;
  /** The private key of its holder as JWK. */
  readonly witSvidKey: string;
  readonly hint: string;
}

/** What signs the WIT-SVIDs of a trust domain. */
export interface TestWitAuthority {
  readonly trustDomain: string;
  readonly keyId: string;
  /** A WIT-SVID with a new key. */
  issue(options: IssueWitOptions): TestWitEntry;
  /** Its SPIFFE bundle as JSON; the Workload API delivers the same. */
  bundle(): string;
}

const LIFE_MS = 3_600_000;

/**
 * Makes a key that signs WIT-SVIDs. Making an RSA key takes a moment.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_CONFIG_OPTION`.
 */
export function createTestWitAuthority(options: TestJwtAuthorityOptions = {}): TestWitAuthority {
  const { keyId = 'key-1', algorithm = 'ES256', now = Date.now } = options;
  const trustDomain = TrustDomain.parse(options.trustDomain ?? 'example.test');
  requireAlgorithm(algorithm);
  const { privateKey, publicKey } = tokenKeyPair(algorithm);
  return Object.freeze<TestWitAuthority>({
    trustDomain: trustDomain.name,
    keyId,
    issue(issued) {
      const { subject, ttlMs = LIFE_MS, algorithm: alg = 'ES256' } = issued;
      requireAlgorithm(alg);
      const holder = tokenKeyPair(alg);
      const spiffeId = subject.startsWith('/') ? SpiffeId.fromPath(trustDomain, subject).toString() : subject;
      const seconds = now() / 1000;
      const claims = {
        sub: spiffeId,
        exp: seconds + ttlMs / 1000,
        iat: seconds,
        cnf: { jwk: { ...holder.publicKey.export({ format: 'jwk' }), alg } },
        ...issued.claims,
      };
      const header = { alg: algorithm, kid: keyId, typ: 'wit+jwt', ...issued.header };
      return {
        spiffeId,
        witSvid: signedToken(header, claims, { algorithm, privateKey }),
        witSvidKey: JSON.stringify({ ...holder.privateKey.export({ format: 'jwk' }), alg }),
        hint: '',
      };
    },
    bundle: () =>
      JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: keyId, use: 'wit-svid' }] }),
  });
}
