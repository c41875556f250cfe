import { createHash, createPublicKey } from 'node:crypto';

import { type Json, type JsonObject } from '../../src/json.ts';
import { choice, type Draft, ok, reject } from '../draft.ts';
import { type Certificate } from '../pki/certificate.ts';
import { ecKey, type Key } from '../pki/keys.ts';
import { RecipeBook } from '../pki/recipe-book.ts';
import { ROOT, ROOT_B, TD } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';

/** How the certificates of the suites about JSON documents were made. */
export const BUNDLE_BOOK: RecipeBook = new RecipeBook();

/** Keys that sign JWT-SVIDs. */
export const JWT_KEY: Key = ecKey('jwt a');
export const JWT_KEY_B: Key = ecKey('jwt b');

/** The reasons for which a document is refused that is no such document. */
export const NO_JSON: readonly string[] = ['bundle.json', 'bundle.malformed'];
export const NO_KEYS: readonly string[] = ['bundle.keys', 'bundle.malformed'];

/** The members of a public key. */
export function numbersOf({ spki }: Key): JsonObject {
  const jwk = createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ format: 'jwk' });
  return JSON.parse(JSON.stringify(jwk)) as JsonObject;
}

/** The entry of an authority, with changes; undefined leaves a member out. */
export function x509(
  authority: Certificate,
  changes: Readonly<Record<string, Json | undefined>> = {},
): JsonObject {
  return clean({
    ...numbersOf(authority.key),
    use: 'x509-svid',
    x5c: [BUNDLE_BOOK.base64(authority)],
    ...changes,
  });
}

/** The entry of a key that signs JWT-SVIDs, with changes. */
export function jwt(
  kid: string,
  key: Key = JWT_KEY,
  changes: Readonly<Record<string, Json | undefined>> = {},
): JsonObject {
  return clean({ ...numbersOf(key), use: 'jwt-svid', kid, ...changes });
}

/** A document with these entries. */
export function documentOf(keys: readonly Json[], members: JsonObject = {}): string {
  return JSON.stringify({ ...members, keys });
}

/** What the answer to `bundle.parse` says. */
export interface Found {
  readonly x509?: readonly Certificate[];
  readonly jwt?: readonly (readonly [kid: string, key: Key])[];
  readonly sequence?: string | null;
  readonly refreshHint?: number | null;
}

/** The answer of `bundle.parse`, as far as `found` says something. */
export function bundle({ x509: authorities = [], jwt: keys = [], ...numbers }: Found): ReturnType<typeof ok> {
  return ok({
    trustDomain: TD,
    x509Sha256: authorities.map((one) => BUNDLE_BOOK.fingerprint(one)).toSorted(),
    jwt: jwtAnswer(keys),
    ...numbers,
  });
}

/** Keys for JWT-SVIDs as they are answered, by key ID. */
export function jwtAnswer(keys: NonNullable<Found['jwt']>): readonly JsonObject[] {
  return keys.map(([kid, { spki }]) => ({
    kid,
    spkiSha256: createHash('sha256').update(spki).digest('hex'),
  }));
}

/** What differs from case to case. */
export type Extra = Partial<Draft>;

/** A call of `bundle.parse`. */
function parse(json: string | Buffer): Pick<Draft, 'op' | 'params'> {
  const document = typeof json === 'string' ? { json } : { jsonB64: json.toString('base64') };
  return { op: 'bundle.parse', params: { trustDomain: TD, ...document } };
}

/** A case that wants a document to be read. */
export function accept(
  row: number,
  id: string,
  title: string,
  json: string,
  found: Found,
  extra: Extra = {},
): Draft {
  return draft(row, id, title, json, { level: 'must', expect: bundle(found), ...extra });
}

/** A case that wants it to be refused. */
export function refuse(
  row: number,
  id: string,
  title: string,
  json: string | Buffer,
  codes: readonly string[],
  extra: Extra = {},
): Draft {
  const expect = reject(...codes);
  return draft(row, id, title, json, { level: 'must', control: CONTROL, expect, ...extra });
}

/** A case in which the standard leaves several answers open. */
export function either(
  row: number,
  id: string,
  title: string,
  json: string,
  branches: Parameters<typeof choice>[0],
  extra: Extra = {},
): Draft {
  const expect = choice(branches);
  return draft(row, id, title, json, { level: 'choice', control: CONTROL, expect, ...extra });
}

function draft(
  row: number,
  id: string,
  title: string,
  json: string | Buffer,
  rest: Pick<Draft, 'level' | 'expect'> & Extra,
): Draft {
  return { row, id, title, spec: [SPEC.bundleKeys], ...parse(json), ...rest };
}

/** A case about an entry that is to be passed over, beside a good one of each kind that counts. */
export function ignored(row: number, id: string, title: string, entry: Json, extra: Extra = {}): Draft {
  return accept(row, id, title, documentOf([entry, ...GOOD]), GOOD_FOUND, extra);
}

/** Entries that count, whatever stands beside them, and what is found of them. */
export const GOOD: readonly JsonObject[] = [x509(ROOT_B), jwt('good', JWT_KEY_B)];
export const GOOD_FOUND: Found = { x509: [ROOT_B], jwt: [['good', JWT_KEY_B]] };

/** The usual twin. */
const CONTROL = 'accept/mixed';
export const MIXED: string = documentOf([x509(ROOT), jwt('a')], {
  spiffe_sequence: 7,
  spiffe_refresh_hint: 600,
});

function clean(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  return JSON.parse(JSON.stringify(members)) as JsonObject;
}
