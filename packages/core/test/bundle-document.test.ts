import { inspect } from 'node:util';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseBundleDocument } from '../src/bundle-document.ts';
import { BundleSet } from '../src/bundle-set.ts';
import { formatBundleDocument } from '../src/format-bundle-document.ts';
import { JwtBundle } from '../src/jwt-bundle.ts';
import { SpiffeBundle } from '../src/spiffe-bundle.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { verifyX509Svid } from '../src/verify-x509-svid.ts';
import { X509Bundle } from '../src/x509-bundle.ts';
import {
  documentOf,
  type Entry,
  JWT_KEYS,
  jwtEntry,
  publicKeyOf,
  UNUSABLE_JWT_ENTRIES,
  x509Entry,
} from './bundle-documents.ts';
import { CHAIN_A, leafA, ROOT_A, ROOT_B, rootA } from './corpus/world.ts';
import { failureOf, outcomeOf } from './failure-of.ts';
import { issueCa, NOW } from './pki/certificates.ts';
import { ecKey, rsaKey } from './pki/keys.ts';

const A = TrustDomain.parse('a.test');
const B = TrustDomain.parse('b.test');
const parse = (keys: readonly unknown[], members: Entry = {}): SpiffeBundle =>
  parseBundleDocument(documentOf(keys, members), A);
const raw = (sequence: string): SpiffeBundle =>
  parseBundleDocument(`{"spiffe_sequence":${sequence},"keys":[]}`, A);
const ders = ({ x509 }: SpiffeBundle): Buffer[] => x509.authorities.map(({ der }) => Buffer.from(der));
const RSA_ROOT = issueCa({ key: rsaKey(2048), subject: 'root RSA' });
const EC_ROOT = issueCa({ key: ecKey('root EC', 'p384'), subject: 'root EC' });
const GOOD = x509Entry(ROOT_B);

describe('a bundle document', () => {
  test('B-09: gives the authorities of each use, sequence number and refresh hint', () => {
    const found = parse(
      [
        x509Entry(ROOT_A),
        jwtEntry('j'),
        x509Entry(RSA_ROOT),
        x509Entry(EC_ROOT),
        jwtEntry('w', JWT_KEYS.other, { use: 'wit-svid' }),
      ],
      { spiffe_sequence: 7, spiffe_refresh_hint: 300 },
    );
    expect(found.trustDomain).toBe(A);
    expect(ders(found)).toEqual([ROOT_A.der, RSA_ROOT.der, EC_ROOT.der]);
    expect([...found.jwt.authorities.keys()]).toEqual(['j']);
    expect([found.sequence, found.refreshHint]).toEqual([7n, 300]);
    expect(found.skipped).toEqual([]);
    expect(Object.isFrozen(found) && Object.isFrozen(found.skipped)).toBe(true);
  });

  test('B-01: says nothing about members that the standard does not know', () => {
    const found = parse([x509Entry(ROOT_A, { foo: [1, { a: null }], kid: 'x' })], { foo: 1, __proto__x: {} });
    expect(ders(found)).toEqual([ROOT_A.der]);
    expect([found.sequence, found.refreshHint]).toEqual([undefined, undefined]);
  });

  test('B-17: its X.509 authorities verify the SVIDs of the trust domain it was read for, and of no other', () => {
    const text = documentOf([x509Entry(ROOT_A)]);
    const chain = CHAIN_A.map(({ der }) => der);
    const verify = (bundles: BundleSet): unknown =>
      verifyX509Svid(chain, bundles, { at: NOW, role: 'client' });
    expect(outcomeOf(() => verify(BundleSet.of(parseBundleDocument(text, A).x509)))).toBe('accepted');
    // The same root in the bundle of another trust domain.
    expect(outcomeOf(() => verify(BundleSet.of(parseBundleDocument(text, B).x509)))).toBe(
      'ERR_BUNDLE_UNKNOWN',
    );
    expect(outcomeOf(() => verify(BundleSet.of(parseBundleDocument(documentOf([]), A).x509)))).toBe(
      'ERR_BUNDLE_EMPTY',
    );
  });

  test('a key for JWT-SVIDs is no authority for X.509-SVIDs, whatever certificate comes with it, nor the other way', () => {
    const found = parse([
      x509Entry(EC_ROOT, { use: 'jwt-svid', kid: 'a' }),
      jwtEntry('b', JWT_KEYS.p256, { use: 'x509-svid' }),
    ]);
    expect(found.x509.isEmpty).toBe(true);
    expect([...found.jwt.authorities.keys()]).toEqual(['a']);
  });

  test.for<[string, string]>([
    ['9007199254740993', '9007199254740993'],
    ['0', '0'],
    ['9223372036854775808', '9223372036854775808'],
    ['18446744073709551615', '18446744073709551615'],
  ])('B-03: the sequence number %s is exact', ([text, exact]) => {
    expect(raw(text).sequence).toBe(BigInt(exact));
  });

  test.for([
    '-1',
    '1.5',
    '1.0',
    '1e3',
    '"7"',
    'null',
    'true',
    '[]',
    '18446744073709551616',
    '9'.repeat(1000),
  ])('B-02: the sequence number %s is refused, since nobody can order by it', (text) => {
    expect(outcomeOf(() => raw(text))).toBe('ERR_BUNDLE_INVALID');
    expect(outcomeOf(() => raw('1'))).toBe('accepted');
  });

  test.for<[unknown, number | undefined]>([
    [300, 300],
    [0, 0],
    [-1, undefined],
    [1.5, undefined],
    ['300', undefined],
    [null, undefined],
    [{}, undefined],
  ])('B-04: the refresh hint %j is read as %s, and spoils nothing', ([spiffe_refresh_hint, hint]) => {
    const found = parse([x509Entry(ROOT_A)], { spiffe_refresh_hint });
    expect(found.refreshHint).toBe(hint);
    expect(found.x509.isEmpty).toBe(false);
  });

  test('B-04: a refresh hint beyond all measure is the largest number there is', () => {
    const found = parseBundleDocument('{"spiffe_refresh_hint":18446744073709551615,"keys":[]}', A);
    expect(found.refreshHint).toBe(Number.MAX_SAFE_INTEGER);
  });

  test.for<[string, string]>([
    ['missing', '{}'],
    ['null', '{"keys":null}'],
    ['an object', '{"keys":{}}'],
    ['a text', '{"keys":"x"}'],
  ])('B-05: keys that are %s are refused', ([, text]) => {
    expect(outcomeOf(() => parseBundleDocument(text, A))).toBe('ERR_BUNDLE_INVALID');
  });

  test.for<[string, unknown]>([
    ['an unknown kty', { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AAAA', use: 'x509-svid' }],
    ['an unknown kty for JWT', { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AAAA', use: 'jwt-svid', kid: 'pq' }],
    ['an unknown curve', { kty: 'OKP', crv: 'Ed448', x: 'AAAA', use: 'jwt-svid', kid: 'e' }],
    ['no kty', x509Entry(ROOT_A, { kty: undefined })],
    ['an unknown use', x509Entry(ROOT_A, { use: 'foo' })],
    ['no use', x509Entry(ROOT_A, { use: undefined })],
    ['a use in upper case', x509Entry(ROOT_A, { use: 'X509-SVID' })],
    ['a list of uses', x509Entry(ROOT_A, { use: ['x509-svid'] })],
    ['another curve than its certificate', x509Entry(EC_ROOT, { crv: 'P-192' })],
    ['a number as an entry', 1],
    ['null as an entry', null],
    ['no x5c', x509Entry(ROOT_A, { x5c: undefined })],
    ['an empty x5c', x509Entry(ROOT_A, { x5c: [] })],
    ['a text as x5c', x509Entry(ROOT_A, { x5c: ROOT_A.der.toString('base64') })],
    ['a number in x5c', x509Entry(ROOT_A, { x5c: [1] })],
    ['the numbers of another key', { ...x509Entry(ROOT_A), x: x509Entry(ROOT_B)['x'] }],
    ['the certificate of a leaf', x509Entry(leafA())],
    ...UNUSABLE_JWT_ENTRIES.map(([name, entry]): [string, unknown] => [name, entry]),
  ])('B-06, X-29: an entry with %s is left out with the reason, and the rest is used', ([, entry]) => {
    const found = parse([entry, GOOD, jwtEntry('good', JWT_KEYS.other)]);
    expect(ders(found)).toEqual([ROOT_B.der]);
    expect([...found.jwt.authorities.keys()]).toEqual(['good']);
    expect(found.skipped).toHaveLength(1);
  });

  test('X-30: of several certificates in x5c the first one counts', () => {
    const x5c = [ROOT_A, ROOT_B].map(({ der }) => der.toString('base64'));
    expect(ders(parse([x509Entry(ROOT_A, { x5c })]))).toEqual([ROOT_A.der]);
    expect(ders(parse([x509Entry(ROOT_A, { x5c: [x5c[0], 'garbage', 1] })]))).toEqual([ROOT_A.der]);
  });

  test.for<[string, string]>([
    ['garbage', '!!!'],
    ['base64url', Buffer.from([0xfb, 0xff, 0xfe]).toString('base64url')],
    ['base64 with a line break', ROOT_A.der.toString('base64').replace(/.{64}/, '$&\n')],
    ['no certificate', Buffer.from('no certificate').toString('base64')],
    ['half a certificate', ROOT_A.der.subarray(0, 100).toString('base64')],
    ['a certificate and a byte', Buffer.concat([ROOT_A.der, Buffer.alloc(1)]).toString('base64')],
  ])('damage is no unknown thing: %s in x5c spoils the document', ([, value]) => {
    expect(outcomeOf(() => parse([GOOD, x509Entry(ROOT_A, { x5c: [value] })]))).toBe('ERR_BUNDLE_INVALID');
  });

  test('the same authority twice is one', () => {
    expect(ders(parse([x509Entry(ROOT_A), x509Entry(ROOT_A)]))).toEqual([ROOT_A.der]);
    expect(ders(parse([x509Entry(ROOT_A), x509Entry(rootA({ serial: 8 }))]))).toHaveLength(2);
  });

  test('B-07: without keys, or with none that can be used, it is a bundle that trusts nobody', () => {
    for (const keys of [[], [x509Entry(ROOT_A, { use: 'foo' })], [{}]]) {
      const found = parse(keys);
      expect([found.isEmpty, found.x509.isEmpty, found.jwt.isEmpty]).toEqual([true, true, true]);
    }
    expect(parse([GOOD]).isEmpty || parse([jwtEntry('a')]).isEmpty).toBe(false);
  });

  test('a key ID with two keys is refused', () => {
    expect(outcomeOf(() => parse([jwtEntry('a'), jwtEntry('a', JWT_KEYS.other)]))).toBe('ERR_BUNDLE_INVALID');
  });

  test('has bounds: 10 MiB and 10,000 keys', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => ({ use: `u${index}` }));
    expect(parse([...keys.slice(1), GOOD]).x509.authorities).toHaveLength(1);
    expect(failureOf(() => parse([...keys, GOOD])).message).toContain('at most 10000 keys');
    const large = (length: number): string => documentOf([GOOD], { x: 'x'.repeat(length) });
    expect(outcomeOf(() => parseBundleDocument(large(9_000_000), A))).toBe('accepted');
    expect(outcomeOf(() => parseBundleDocument(large(10 * 1024 * 1024), A))).toBe('ERR_BUNDLE_INVALID');
    expect(outcomeOf(() => parseBundleDocument(`{"x":${'['.repeat(1_000_000)}`, A))).toBe(
      'ERR_BUNDLE_INVALID',
    );
  });

  test('any bytes at all are either a bundle or ERR_BUNDLE_INVALID, and errors do not show them', () => {
    const whole = documentOf([x509Entry(ROOT_A), jwtEntry('j', JWT_KEYS.rsa)], { spiffe_sequence: 1 });
    fc.assert(
      fc.property(
        fc.nat(whole.length),
        fc.nat(whole.length),
        fc.string({ maxLength: 6 }),
        (from, to, middle) => {
          const text = whole.slice(0, from) + middle + whole.slice(to);
          const error = outcomeOrError(() => parseBundleDocument(text, A));
          expect(error?.code ?? 'ERR_BUNDLE_INVALID').toBe('ERR_BUNDLE_INVALID');
          expect(error?.message.length ?? 0).toBeLessThan(500);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a bundle is written', () => {
  const full = SpiffeBundle.of(A, {
    x509: X509Bundle.fromDer(A, [ROOT_A.der, RSA_ROOT.der, EC_ROOT.der]),
    jwt: JwtBundle.fromAuthorities(A, [
      ['one', publicKeyOf(JWT_KEYS.p256)],
      ['two "', publicKeyOf(JWT_KEYS.rsa)],
    ]),
    sequence: 9_007_199_254_740_993n,
    refreshHint: 600,
  });

  test('as it can be read back, whatever is in it', () => {
    const some = fc.record({
      roots: fc.subarray([ROOT_A, ROOT_B, RSA_ROOT, EC_ROOT]),
      kids: fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 3 }),
      sequence: fc.option(fc.bigInt(0n, 2n ** 64n - 1n), { nil: undefined }),
      refreshHint: fc.option(fc.nat(), { nil: undefined }),
    });
    fc.assert(
      fc.property(some, ({ roots, kids, sequence, refreshHint }) => {
        const bundle = SpiffeBundle.of(A, {
          x509: X509Bundle.fromDer(
            A,
            roots.map(({ der }) => der),
          ),
          jwt: JwtBundle.fromAuthorities(
            A,
            kids.map((kid) => [kid, publicKeyOf(JWT_KEYS.p384)]),
          ),
          ...(sequence === undefined ? {} : { sequence }),
          ...(refreshHint === undefined ? {} : { refreshHint }),
        });
        const again = parseBundleDocument(formatBundleDocument(bundle), A);
        expect(again.equals(bundle)).toBe(true);
        expect(again.skipped).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test('B-08, X-26, X-27, X-28, J-18: with the members of the standards and no others', () => {
    const { keys, ...members } = JSON.parse(formatBundleDocument(full)) as { keys: Entry[] };
    expect(formatBundleDocument(full)).toContain('"spiffe_sequence":9007199254740993,');
    expect(Object.keys(members)).toEqual(['spiffe_sequence', 'spiffe_refresh_hint']);
    expect(keys.map((entry) => Object.keys(entry).toSorted())).toEqual([
      ['crv', 'kty', 'use', 'x', 'x5c'],
      ['e', 'kty', 'n', 'use', 'x5c'],
      ['crv', 'kty', 'use', 'x', 'x5c', 'y'],
      ['crv', 'kid', 'kty', 'use', 'x', 'y'],
      ['e', 'kid', 'kty', 'n', 'use'],
    ]);
    expect(keys.map((entry) => entry['use'])).toEqual([
      'x509-svid',
      'x509-svid',
      'x509-svid',
      'jwt-svid',
      'jwt-svid',
    ]);
    expect(keys[0]?.['x5c']).toEqual([ROOT_A.der.toString('base64')]);
  });

  test('B-05: an empty one has its keys, too', () => {
    expect(formatBundleDocument(SpiffeBundle.of(A, {}))).toBe('{"keys":[]}');
  });

  test('parts of another trust domain, and numbers out of range, are refused', () => {
    const x509 = X509Bundle.fromDer(B, [ROOT_B.der]);
    const bad = [
      { x509 },
      { sequence: -1n },
      { sequence: 2n ** 64n },
      { sequence: 1 as unknown as bigint },
      { refreshHint: -1 },
      { refreshHint: 1.5 },
    ];
    for (const parts of bad) expect(outcomeOf(() => SpiffeBundle.of(A, parts))).toBe('ERR_BUNDLE_INVALID');
    expect(outcomeOf(() => SpiffeBundle.of(B, { x509, sequence: 2n ** 64n - 1n, refreshHint: 0 }))).toBe(
      'accepted',
    );
  });

  test('for logs as what is in it, without a rounded number', () => {
    expect(JSON.parse(JSON.stringify(full))).toMatchObject({
      trustDomain: 'a.test',
      sequence: '9007199254740993',
      refreshHint: 600,
      jwt: { authorities: [{ keyId: 'one', keyType: 'ec' }, { keyType: 'rsa' }] },
    });
    expect(inspect(full)).toContain('SpiffeBundle');
  });
});

function outcomeOrError(run: () => unknown): ReturnType<typeof failureOf> | undefined {
  return outcomeOf(run) === 'accepted' ? undefined : failureOf(run);
}
