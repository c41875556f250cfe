import { basename } from 'node:path';

import { usageFailure } from '../exit-code.ts';
import { isObject, type JsonObject, member, parseJson, textMember } from '../json.ts';
import { type Case, type Expectation } from '../vectors/vector.ts';
import { type OutsideSuite } from './outside-suite.ts';
import { objectsOf, readDocument } from './read-document.ts';

const TYPES = new Set(['JsonWebSignature', 'JsonWebKey', 'JsonWebCrypto']);
/** Algorithms of a JWT-SVID. */
const ALGORITHMS = /^(?:RS|ES|PS)(?:256|384|512)$/;

/**
 * Makes a suite of a file of Wycheproof about JWS: `jws.verify` gets the token and the keys as a JWK Set. What is signed
 * with an algorithm that a JWT-SVID cannot have is refused, whatever the file says.
 *
 * @throws {@link KitFailure} (exit code 2) when it is no such file, or says what nobody knows.
 */
export function wycheproofSuite(file: string): OutsideSuite {
  const document = readDocument(file);
  const groups = objectsOf(document, 'testGroups');
  const suite = basename(file, '.json')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-');
  const omitted = new Map<string, number>();
  const cases: Case[] = [];
  for (const group of groups) {
    if (!TYPES.has(textMember(group, 'type')))
      throw usageFailure(`${file}: want tests about JSON Web Signatures, got ${textMember(group, 'type')}`);
    for (const test of objectsOf(group, 'tests')) {
      // An encrypted token is no signed one.
      if (Object.hasOwn(test, 'jws')) cases.push(toCase(file, suite, group, test));
      else omitted.set('no-jws', (omitted.get('no-jws') ?? 0) + 1);
    }
  }
  const counted = cases.length + (omitted.get('no-jws') ?? 0);
  if (counted === 0 || member(document, 'numberOfTests') !== counted)
    throw usageFailure(`${file}: says that it has another number of tests than ${counted}`);
  const control = cases.find((one) => 'ok' in one.expect)?.id;
  return {
    suite,
    cases: cases.map((one) => (control === undefined || 'ok' in one.expect ? one : { ...one, control })),
    omitted,
  };
}

function toCase(file: string, suite: string, group: JsonObject, test: JsonObject): Case {
  const result = textMember(test, 'result');
  if (!['valid', 'invalid', 'acceptable'].includes(result))
    throw usageFailure(`${file}: has a result ${JSON.stringify(result)} that nobody knows`);
  const keys = member(group, 'public') ?? member(group, 'private') ?? {};
  const keySet = isObject(keys) && Object.hasOwn(keys, 'keys') ? keys : { keys: [keys] };
  const jws = textMember(test, 'jws');
  const number = member(test, 'tcId');
  const comment = [textMember(group, 'comment'), textMember(test, 'comment')].join(' ');
  const { level, expect } = expectationOf(result, jws, keySet);
  return {
    id: `${suite}/${slug(textMember(group, 'comment'))}/${slug(textMember(test, 'comment'))}[tc=${JSON.stringify(number ?? 0)}]`,
    rev: 1,
    since: '0.1.0',
    title: `${comment}: ${result}`.slice(0, 120),
    level,
    spec: [{ doc: 'RFC7515', section: '5.2' }],
    op: 'jws.verify',
    params: { jws, jwks: JSON.stringify(keySet) },
    time: { mode: 'any' },
    expect,
  };
}

function expectationOf(
  result: string,
  jws: string,
  keySet: JsonObject,
): { readonly level: Case['level']; readonly expect: Expectation } {
  const refused = { reject: { codes: ['unknown'] } };
  const [header = '', payload = ''] = jws.split('.');
  const algorithm = algorithmOf(header);
  if (result === 'invalid' || !ALGORITHMS.test(algorithm)) return { level: 'must', expect: refused };
  const accepted = { ok: { payloadB64: Buffer.from(payload, 'base64url').toString('base64') } };
  // A key that says it is for another algorithm may be held to its word.
  const named = objectsOf(keySet, 'keys').map((key) => textMember(key, 'alg'));
  const isContradicted = named.some((name) => name !== '' && name !== algorithm);
  if (result === 'valid' && !isContradicted) return { level: 'must', expect: accepted };
  const anyOf = [
    { branch: 'accepted', expect: accepted },
    { branch: 'refused', expect: refused },
  ];
  return { level: 'choice', expect: { anyOf } };
}

function algorithmOf(header: string): string {
  try {
    const value = parseJson(Buffer.from(header, 'base64url').toString());
    return isObject(value) ? textMember(value, 'alg') : '';
  } catch {
    return '';
  }
}

function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9.-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'none'
  );
}
