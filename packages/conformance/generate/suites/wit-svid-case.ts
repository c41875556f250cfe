import { type Json, type JsonObject } from '../../src/json.ts';
import { type Level, type SpecReference } from '../../src/vectors/vector.ts';
import { choice, type Draft, ok, reject } from '../draft.ts';
import { bundleText, jwkOf, mint, sha256, type TokenKey, tokenKey } from '../jwt/token.ts';

const SUBJECT = 'spiffe://example.org/web';
const KID = 'key-1';
/** 2100-01-01: for every clock until then. */
export const EXP = 4_102_444_800;
/** 2020-01-01 */
export const OVER = 1_577_836_800;

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

/** Of something good; undefined leaves a member out. */
type Changes = Readonly<Record<string, Json | undefined>>;

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

function without(members: Changes): JsonObject {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** What differs from case to case. */
export interface WitPlan {
  readonly token: string;
  readonly bundles?: Readonly<Record<string, string>>;
  readonly level?: Level;
  readonly spec: readonly SpecReference[];
  readonly why?: string;
  readonly at?: string;
  readonly deadlineMs?: number;
  readonly control?: string;
  /** What the answer has beside the ID. */
  readonly found?: JsonObject;
  readonly id?: string;
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

const CONTROL = 'accept/es256';

/** A case that wants a token to be rejected, for one of `codes`. */
export function refuse(
  row: number,
  id: string,
  title: string,
  codes: readonly string[],
  plan: WitPlan,
): Draft {
  return { ...accept(row, id, title, plan), control: plan.control ?? CONTROL, expect: reject(...codes) };
}

/** A case that leaves open whether a token is accepted; if not, it is for one of `codes`. */
export function either(
  row: number,
  id: string,
  title: string,
  codes: readonly string[],
  plan: WitPlan,
): Draft {
  const { expect } = accept(row, id, title, plan);
  if (!('ok' in expect)) throw new Error('no ok');
  return {
    ...accept(row, id, title, { ...plan, level: 'choice' }),
    control: plan.control ?? CONTROL,
    expect: choice({ accepted: expect, refused: reject(...codes) }),
  };
}

/** What stands for itself in a list of cases: id, title, value. */
export type Variant<Value> = readonly [id: string, title: string, value: Value];
