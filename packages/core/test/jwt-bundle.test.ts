import { createSecretKey, sign, verify } from 'node:crypto';
import { inspect } from 'node:util';

import { describe, expect, test } from 'vitest';

import { JwtBundle, parseJwtBundle } from '../src/jwt-bundle.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import {
  documentOf,
  ed25519Public,
  JWT_KEYS,
  jwtEntry,
  privateJwk,
  publicKeyOf,
  UNUSABLE_JWT_ENTRIES,
  x509Entry,
} from './bundle-documents.ts';
import { ROOT_A } from './corpus/world.ts';
import { failureOf, outcomeOf } from './failure-of.ts';

const A = TrustDomain.parse('a.test');
const B = TrustDomain.parse('b.test');
const parse = (...keys: readonly unknown[]): JwtBundle => parseJwtBundle(documentOf(keys), A);
const noUse = { use: undefined };

describe('the JWK Set of the Workload API', () => {
  test('J-19 gives the keys that do not say what they are for, and those for JWT-SVIDs, by key ID', () => {
    const found = parse(
      jwtEntry('one', JWT_KEYS.p256, noUse),
      jwtEntry('two', JWT_KEYS.rsa),
      jwtEntry('three', JWT_KEYS.p384, { alg: 'ES384', key_ops: ['verify'], unknown: { x: 1 } }),
      jwtEntry('four', JWT_KEYS.p521, noUse),
    );
    expect(found.trustDomain).toBe(A);
    expect([...found.authorities.keys()]).toEqual(['one', 'two', 'three', 'four']);
    expect(found.skipped).toEqual([]);
    const data = Buffer.from('data');
    const key = found.authorities.get('one');
    expect(key !== undefined && verify('sha256', data, key, JWT_KEYS.p256.sign(data))).toBe(true);
    expect(key !== undefined && verify('sha256', data, key, JWT_KEYS.other.sign(data))).toBe(false);
  });

  test('J-19 leaves out keys for another use, without a word', () => {
    const found = parse(
      x509Entry(ROOT_A),
      ...['wit-svid', 'sig', 'JWT-SVID', '', null, 1].map((use) => jwtEntry('no', JWT_KEYS.p256, { use })),
      jwtEntry('yes'),
    );
    expect([...found.authorities.keys()]).toEqual(['yes']);
    expect(found.skipped).toEqual([]);
  });

  test.for(UNUSABLE_JWT_ENTRIES)('%s: the entry is left out, and the rest stays', ([, entry, reason]) => {
    const found = parse(entry, jwtEntry('good', JWT_KEYS.other));
    expect([...found.authorities.keys()]).toEqual(['good']);
    expect(found.skipped).toEqual([expect.stringMatching(reason)]);
  });

  test('J-20 without any key it is empty', () => {
    expect(parse().isEmpty).toBe(true);
    expect(parse(x509Entry(ROOT_A)).isEmpty).toBe(true);
    expect(parse(jwtEntry('a')).isEmpty).toBe(false);
  });

  test('one key ID with two keys is refused; the same key twice is one', () => {
    expect(failureOf(() => parse(jwtEntry('a'), jwtEntry('a', JWT_KEYS.other))).message).toContain(
      'two for "a"',
    );
    expect(parse(jwtEntry('a'), jwtEntry('a', JWT_KEYS.p256, noUse)).authorities.size).toBe(1);
    expect(parse(jwtEntry('a'), jwtEntry('A', JWT_KEYS.other)).authorities.size).toBe(2);
  });

  test('the private half of a key is neither kept nor shown', () => {
    const { d = '' } = privateJwk(JWT_KEYS.p256);
    const found = parse(
      jwtEntry('a', JWT_KEYS.p256, { d }),
      jwtEntry('r', JWT_KEYS.rsa, { ...privateJwk(JWT_KEYS.rsa) }),
    );
    expect([...found.authorities.values()].map(({ type }) => type)).toEqual(['public', 'public']);
    const shown = inspect(found, { depth: Infinity, showHidden: true }) + JSON.stringify(found);
    expect(shown).not.toContain(d);
    for (const key of found.authorities.values()) {
      expect(() => sign('sha256', Buffer.alloc(1), key)).toThrow('expected private');
    }
  });

  test.for<[string, string]>([
    ['no keys', '{}'],
    ['null as keys', '{"keys":null}'],
    ['an object as keys', '{"keys":{}}'],
    ['a list at the top', '[]'],
    ['no JSON', '{"keys":[}'],
    ['keys twice', '{"keys":[],"keys":[]}'],
  ])('%s is refused', ([, text]) => {
    expect(outcomeOf(() => parseJwtBundle(text, A))).toBe('ERR_BUNDLE_INVALID');
  });
});

describe('a JWT bundle', () => {
  const bundle = JwtBundle.fromAuthorities(A, [['a', publicKeyOf(JWT_KEYS.p256)]]);

  test('of keys that are at hand equals the one that was read', () => {
    expect(bundle.equals(parse(jwtEntry('a')))).toBe(true);
    expect(bundle.equals(parse(jwtEntry('b')))).toBe(false);
    expect(bundle.equals(parse(jwtEntry('a', JWT_KEYS.other)))).toBe(false);
    expect(bundle.equals(parse(jwtEntry('a'), jwtEntry('b')))).toBe(false);
    expect(bundle.equals(parseJwtBundle(documentOf([jwtEntry('a')]), B))).toBe(false);
    expect(Object.isFrozen(bundle) && Object.isFrozen(bundle.skipped)).toBe(true);
  });

  test('J-18 wants key IDs, and public keys that JWT-SVIDs are signed with', () => {
    const key = publicKeyOf(JWT_KEYS.p256);
    const bad = [
      ['', key],
      ['a', JWT_KEYS.p256.privateKey],
      ['a', ed25519Public()],
      ['a', createSecretKey(Buffer.alloc(32))],
    ] as const;
    for (const one of bad) {
      expect(outcomeOf(() => JwtBundle.fromAuthorities(A, [one]))).toBe('ERR_BUNDLE_INVALID');
    }
    expect(outcomeOf(() => JwtBundle.fromAuthorities(A, [['a', key]]))).toBe('accepted');
  });
});
