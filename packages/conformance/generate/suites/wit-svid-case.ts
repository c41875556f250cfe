import { type JsonObject } from '../../src/json.ts';
import { type SpecReference } from '../../src/vectors/vector.ts';
import { type Draft, ok } from '../draft.ts';
import { bundleText, jwkOf, mint, sha256, type TokenKey, tokenKey } from '../jwt/token.ts';
import { type Changes, EXP, otherCases, OVER, type TokenPlan, without } from './token-case.ts';

const SUBJECT = 'spiffe://example.org/web';
const KID = 'key-1';

export const KEY: TokenKey = tokenKey('ES256', 'wit a');
export const EVIL: TokenKey = tokenKey('ES256', 'wit evil');
/** The key of another trust domain. */
export const KEY_B: TokenKey = tokenKey('ES256', 'wit b');
/** The key of the workload. */
export const HOLDER: TokenKey = tokenKey('ES256', 'wit holder');

/** The usual bundle with another key or other members. */
export function bundleOf(key: TokenKey = KEY, members: JsonObject = {}): string {
  return bundleText(jwkOf(key, { kid: KID, use: 'wit-svid', ...members }));
}

export const BUNDLES: Readonly<Record<string, string>> = { 'example.org': bundleOf() };

/** The public key of the workload as JWK, with other members. */
export function confirmed(changes: Changes = {}, key: TokenKey = HOLDER): JsonObject {
  return without({ ...jwkOf(key, { alg: key.alg }), ...changes });
}

/** What names a public key in answers. */
export function spkiSha256({ publicKey }: TokenKey): string {
  return sha256(publicKey.export({ format: 'der', type: 'spki' })).toString('hex');
}

/** A good token, but for these claims and headers. */
export function token(claims: Changes = {}, header: Changes = {}, key: TokenKey = KEY): string {
  return mint(headerWith(header, key), claimsWith(claims), key);
}

export function headerWith(changes: Changes = {}, key: TokenKey = KEY): JsonObject {
  return without({ alg: key.alg, kid: KID, typ: 'wit+jwt', ...changes });
}

export function claimsWith(changes: Changes = {}): JsonObject {
  return without({ sub: SUBJECT, exp: EXP, iat: OVER, cnf: { jwk: confirmed() }, ...changes });
}

/** What differs from case to case. */
export interface WitPlan extends TokenPlan {
  readonly spec: readonly SpecReference[];
}

/** A case that wants a token to be accepted. */
export function accept(row: number, id: string, title: string, plan: WitPlan): Draft {
  const { level = 'must', spec, why, at, deadlineMs, found = {} } = plan;
  return {
    row,
    id,
    title,
    why,
    level,
    spec,
    at,
    deadlineMs,
    op: 'wit.validate',
    params: { token: plan.token, bundles: plan.bundles ?? BUNDLES },
    expect: ok({ id: plan.id ?? SUBJECT, ...found }),
  };
}

export const { refuse, either } = otherCases(accept);

/** What stands for itself in a list of cases: id, title, value. */
export type Variant<Value> = readonly [id: string, title: string, value: Value];
