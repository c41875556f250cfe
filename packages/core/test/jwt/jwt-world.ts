import { SpiffeError } from '../../src/errors.ts';
import { JwtBundle } from '../../src/jwt-bundle.ts';
import {
  JwtBundleSet,
  validateJwtSvid,
  type ValidateJwtSvidOptions,
  type VerifiedJwtSvid,
} from '../../src/jwt/index.ts';
import { TrustDomain } from '../../src/trust-domain.ts';
import { mint, type SigningKey, signingKey } from './mint-token.ts';

export const NOW: number = Date.parse('2026-06-01T12:00:00Z');
export const SECONDS: number = NOW / 1000;
const clock: { now: () => number } = { now: () => NOW };

export const domainA: TrustDomain = TrustDomain.parse('a.test');
export const domainB: TrustDomain = TrustDomain.parse('b.test');
export const keyA: SigningKey = signingKey('ES256');
export const keyB: SigningKey = signingKey('ES256');
/** Both trust domains call their key the same. */
export const KID = 'key-1';
export const bundles: JwtBundleSet = JwtBundleSet.of(
  JwtBundle.fromAuthorities(domainA, [[KID, keyA.publicKey]]),
  JwtBundle.fromAuthorities(domainB, [[KID, keyB.publicKey]]),
);

export const HEADER = { alg: 'ES256', kid: KID, typ: 'JWT' } as const;
export const CLAIMS = {
  sub: 'spiffe://a.test/client',
  aud: 'spiffe://a.test/server',
  exp: SECONDS + 300,
  iat: SECONDS,
} as const;

/** A good token, but for these claims (undefined: without) and headers. */
export function token(claims: object = {}, header: object = {}, key: SigningKey = keyA): string {
  return mint(key, { ...HEADER, ...header }, { ...CLAIMS, ...claims });
}

/** Validates with what fits a good token, but for these options. */
export function validate(
  given: string,
  options: Partial<ValidateJwtSvidOptions> = {},
  trusted = bundles,
): Promise<VerifiedJwtSvid> {
  return validateJwtSvid(given, trusted, { audience: CLAIMS.aud, clock, ...options });
}

/** The code of the SpiffeError of a validation, or `accepted`; anything else is an error of the test. */
export async function outcome(
  given: string,
  options: Partial<ValidateJwtSvidOptions> = {},
  trusted = bundles,
): Promise<string> {
  try {
    await validate(given, options, trusted);
    return 'accepted';
  } catch (error) {
    if (error instanceof SpiffeError) return error.code;
    throw error;
  }
}
