import { type JsonObject } from '../../src/json.ts';
import { type Draft, ok } from '../draft.ts';
import { bundleText, jwkOf, mint, type TokenKey, tokenKey } from '../jwt/token.ts';
import { JWT_SPEC } from '../spec-quotes-jwt.ts';
import { type Changes, EXP, otherCases, OVER, type TokenPlan, without } from './token-case.ts';

export const AUDIENCE = 'spiffe://example.org/api';
export const SUBJECT = 'spiffe://example.org/web';
const KID = 'key-1';

export const KEY: TokenKey = tokenKey('ES256');
export const EVIL: TokenKey = tokenKey('ES256', 'jwt evil');
/** The key of another trust domain. */
export const KEY_B: TokenKey = tokenKey('ES256', 'jwt b');

/** The usual bundle with another key or other members. */
export function bundleOf(key: TokenKey = KEY, members: JsonObject = {}): string {
  return bundleText(jwkOf(key, { kid: KID, use: 'jwt-svid', ...members }));
}

export const BUNDLES: Readonly<Record<string, string>> = { 'example.org': bundleOf() };

/** A good token, but for these claims and headers. */
export function token(claims: Changes = {}, header: Changes = {}, key: TokenKey = KEY): string {
  return mint(headerWith(header, key), claimsWith(claims), key);
}

export function headerWith(changes: Changes = {}, key: TokenKey = KEY): JsonObject {
  return without({ alg: key.alg, kid: KID, typ: 'JWT', ...changes });
}

export function claimsWith(changes: Changes = {}): JsonObject {
  return without({ sub: SUBJECT, aud: AUDIENCE, exp: EXP, iat: OVER, ...changes });
}

/** What differs from case to case. */
export interface JwtPlan extends TokenPlan {
  readonly audience?: readonly string[];
}

/** A case that wants a token to be accepted. */
export function accept(row: number, id: string, title: string, plan: JwtPlan): Draft {
  const { level = 'must', spec = [JWT_SPEC.signature], why, at, deadlineMs, found = {} } = plan;
  return {
    row,
    id,
    title,
    why,
    level,
    spec,
    at,
    deadlineMs,
    op: 'jwt.validate',
    params: { token: plan.token, audience: plan.audience ?? [AUDIENCE], bundles: plan.bundles ?? BUNDLES },
    expect: ok({ id: plan.id ?? SUBJECT, ...found }),
  };
}

export const { refuse, either } = otherCases(accept);
