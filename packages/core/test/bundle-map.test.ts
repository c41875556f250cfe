import { describe, expect, test } from 'vitest';

import { formatBundleMap, parseBundleMap } from '../src/bundle-map.ts';
import { SpiffeBundle } from '../src/spiffe-bundle.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { X509Bundle } from '../src/x509-bundle.ts';
import { documentOf, jwtEntry, x509Entry } from './bundle-documents.ts';
import { ROOT_A, ROOT_B } from './corpus/world.ts';
import { failureOf, outcomeOf } from './failure-of.ts';

const A = documentOf([x509Entry(ROOT_A)], { spiffe_sequence: 3, spiffe_refresh_hint: 60 });
const B = documentOf([x509Entry(ROOT_B), jwtEntry('j')]);
const mapOf = (members: string): string => `{"trust_domains":{${members}}}`;

const many = (count: number): string =>
  mapOf(Array.from({ length: count }, (_, index) => `"${index}.test":{"keys":[]}`).join(','));

describe('a bundle map', () => {
  test('B-10: gives the bundle of each trust domain, by its name', () => {
    const found = parseBundleMap(mapOf(`"a.test":${A},"b.test":${B}`));
    expect([...found.keys()]).toEqual(['a.test', 'b.test']);
    expect(found.get('a.test')).toMatchObject({ trustDomain: TrustDomain.parse('a.test'), sequence: 3n });
    expect(found.get('b.test')?.jwt.authorities.size).toBe(1);
    // B-17, F-05: each for itself.
    expect(found.get('a.test')?.x509.authorities.map(({ der }) => Buffer.from(der))).toEqual([ROOT_A.der]);
  });

  test('B-10: may be empty, and may have members that nobody knows', () => {
    expect(parseBundleMap(mapOf('')).size).toBe(0);
    expect(parseBundleMap(`{"foo":1,"trust_domains":{"a.test":${A}}}`).size).toBe(1);
  });

  test.for<[string, string]>([
    ['no trust_domains', '{}'],
    ['a bundle in its place', A],
    ['null as trust_domains', '{"trust_domains":null}'],
    ['a list as trust_domains', '{"trust_domains":[]}'],
    ['a SPIFFE ID as name', mapOf(`"spiffe://a.test":${A}`)],
    ['a SPIFFE ID with a path as name', mapOf(`"spiffe://a.test/x":${A}`)],
    ['an upper-case name', mapOf(`"A.test":${A}`)],
    ['an empty name', mapOf(`"":${A}`)],
    ['the name #', mapOf(`"#":${A}`)],
    ['a name of 256 bytes', mapOf(`"${'a'.repeat(256)}":${A}`)],
    ['a number as a bundle', mapOf('"a.test":1')],
  ])('B-10: %s is refused', ([, text]) => {
    expect(outcomeOf(() => parseBundleMap(text))).toBe('ERR_BUNDLE_INVALID');
  });

  test.for(['"a.test"', '"\\u0061.test"'])('B-12: a trust domain twice is refused, also as %s', (name) => {
    const { message } = failureOf(() => parseBundleMap(mapOf(`"a.test":${A},${name}:${A}`)));
    expect(message).toContain('"a.test" twice');
  });

  test('B-16: one bad bundle spoils the map', () => {
    expect(outcomeOf(() => parseBundleMap(mapOf(`"a.test":${A},"b.test":{}`)))).toBe('ERR_BUNDLE_INVALID');
    expect(outcomeOf(() => parseBundleMap(mapOf(`"a.test":${A},"b.test":{"keys":[]}`)))).toBe('accepted');
  });

  test('B-14: refresh hints of bundles are passed over', () => {
    expect(parseBundleMap(mapOf(`"a.test":${A}`)).get('a.test')?.refreshHint).toBeUndefined();
  });

  test('has a bound: 10,000 trust domains', () => {
    expect(parseBundleMap(many(10_000)).size).toBe(10_000);
    expect(outcomeOf(() => parseBundleMap(many(10_001)))).toBe('ERR_BUNDLE_INVALID');
  });
});

describe('a bundle map is written', () => {
  const td = TrustDomain.parse('a.test');
  const bundle = SpiffeBundle.of(td, {
    x509: X509Bundle.fromDer(td, [ROOT_A.der]),
    sequence: 5n,
    refreshHint: 60,
  });
  const other = SpiffeBundle.of(TrustDomain.parse('b.test'), {});

  test('B-13: as it can be read back, without refresh hints', () => {
    const text = formatBundleMap([bundle, other]);
    expect(text).not.toContain('hint');
    const again = parseBundleMap(text);
    expect(again.get('a.test')?.x509.equals(bundle.x509)).toBe(true);
    expect(again.get('a.test')?.sequence).toBe(5n);
    expect(again.get('b.test')?.isEmpty).toBe(true);
    expect(formatBundleMap([])).toBe('{"trust_domains":{}}');
  });

  test('B-11: with each trust domain once', () => {
    expect(outcomeOf(() => formatBundleMap([bundle, bundle]))).toBe('ERR_BUNDLE_INVALID');
  });
});
