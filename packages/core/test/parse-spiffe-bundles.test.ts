import { expect, test } from 'vitest';

import { parseSpiffeBundles } from '../src/parse-spiffe-bundles.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { documentOf, jwtEntry, x509Entry } from './bundle-documents.ts';
import { ROOT_A, ROOT_B } from './corpus/world.ts';
import { failureOf } from './failure-of.ts';

const A_TEST = TrustDomain.parse('a.test');
const DOCUMENT = documentOf([x509Entry(ROOT_A), jwtEntry('j')], {
  spiffe_sequence: 3,
  spiffe_refresh_hint: 60,
});
const MAP = `{"trust_domains":{"b.test":${documentOf([x509Entry(ROOT_B)])},"a.test":${DOCUMENT}}}`;

test('the bundle of one trust domain is that of whoever asks', () => {
  const { format, bundles } = parseSpiffeBundles(DOCUMENT, A_TEST);
  expect(format).toBe('spiffe-bundle');
  expect([...bundles.keys()]).toEqual(['a.test']);
  expect(bundles.get('a.test')).toMatchObject({ trustDomain: A_TEST, sequence: 3n, refreshHint: 60 });
  expect(bundles.get('a.test')?.jwt.authorities.size).toBe(1);
});

test('a bundle map has those that it names, whoever asks', () => {
  for (const trustDomain of [A_TEST, TrustDomain.parse('c.test'), undefined]) {
    const { format, bundles } = parseSpiffeBundles(Buffer.from(MAP), trustDomain);
    expect(format).toBe('bundle-map');
    expect([...bundles.keys()]).toEqual(['b.test', 'a.test']);
    expect(bundles.get('a.test')).toMatchObject({ sequence: 3n, refreshHint: undefined });
    // Each for itself.
    expect(bundles.get('b.test')?.x509.authorities.map(({ der }) => Buffer.from(der))).toEqual([ROOT_B.der]);
  }
});

test.for<[string, string, TrustDomain | undefined]>([
  ['a bundle that nobody said whose it is', DOCUMENT, undefined],
  ['neither', '{"jwks":[]}', undefined],
  ['neither, for one trust domain', '{"jwks":[]}', A_TEST],
  ['what could be taken for both', `{"keys":[],"trust_domains":{"a.test":${DOCUMENT}}}`, A_TEST],
  ['both, nobody asking', `{"trust_domains":{},"keys":[]}`, undefined],
  ['trust_domains that are none, beside nothing', '{"trust_domains":[]}', A_TEST],
  ['half a document', DOCUMENT.slice(0, -1), A_TEST],
  ['half a map', MAP.slice(0, MAP.length / 2), undefined],
  ['a trust domain twice', `{"trust_domains":{"a.test":${DOCUMENT},"a.test":${DOCUMENT}}}`, undefined],
  ['PEM', '-----BEGIN CERTIFICATE-----', A_TEST],
])('refuses %s', ([, json, trustDomain]) => {
  expect(failureOf(() => parseSpiffeBundles(json, trustDomain))).toMatchObject({
    code: 'ERR_BUNDLE_INVALID',
  });
});
