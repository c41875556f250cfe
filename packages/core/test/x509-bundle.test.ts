import { inspect } from 'node:util';

import { expect, test } from 'vitest';

import { BundleSet } from '../src/bundle-set.ts';
import { Certificate } from '../src/certificate.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { X509Bundle } from '../src/x509-bundle.ts';
import { leafA, ROOT_A, ROOT_B, rootA } from './corpus/world.ts';
import { basicConstraints, type Issued, keyUsage } from './pki/certificates.ts';
import { certificatesPem } from './pki/pem.ts';

const A = TrustDomain.parse('a.test');
const B = TrustDomain.parse('b.test');
const bundle = (trustDomain: TrustDomain, ...roots: readonly Issued[]): X509Bundle =>
  X509Bundle.fromPem(trustDomain, certificatesPem(...roots));

test('a bundle has its authorities once each, in the order they came', () => {
  const found = bundle(A, ROOT_A, ROOT_B, ROOT_A);
  expect(found.trustDomain).toBe(A);
  expect(found.authorities.map(({ der }) => Buffer.from(der))).toEqual([ROOT_A.der, ROOT_B.der]);
  expect(found.skipped).toEqual([]);
  expect(found.isEmpty).toBe(false);
});

test('X-31 entries that may not sign are left out with the reason, and only of those it is empty', () => {
  const noCa = rootA({ extensions: { basicConstraints: basicConstraints({ ca: false }) } });
  const noSign = rootA({ extensions: { keyUsage: keyUsage(6) } });
  const found = bundle(A, leafA(), noCa, noSign);
  expect(found.isEmpty).toBe(true);
  expect(found.skipped).toEqual([
    'entry 1 (serial 7) is no authority: it is not a CA (basic constraints)',
    'entry 2 (serial 7) is no authority: it is not a CA (basic constraints)',
    'entry 3 (serial 7) is no authority: its key usage lacks keyCertSign',
  ]);
  expect(bundle(A, leafA(), ROOT_A).authorities).toHaveLength(1);
});

test('X-31 an empty text is an empty bundle, which has nothing and equals another', () => {
  const empty = X509Bundle.fromPem(A, '\n');
  expect(empty.isEmpty).toBe(true);
  expect(empty.has(Certificate.parse(ROOT_A.der))).toBe(false);
  expect(empty.equals(X509Bundle.fromDer(A, []))).toBe(true);
});

test('bundles are equal as sets of certificates of one trust domain', () => {
  const one = bundle(A, ROOT_A, ROOT_B);
  expect(one.equals(bundle(A, ROOT_B, ROOT_A, ROOT_A))).toBe(true);
  expect(one.equals(bundle(A, ROOT_A))).toBe(false);
  expect(bundle(A, ROOT_A).equals(one)).toBe(false);
  expect(bundle(A, ROOT_A).equals(bundle(A, ROOT_B))).toBe(false);
  expect(one.equals(bundle(B, ROOT_A, ROOT_B))).toBe(false);
});

test('has tells the very certificate, not another one of the same name and key', () => {
  const found = bundle(A, ROOT_A);
  expect(found.has(Certificate.parse(ROOT_A.der))).toBe(true);
  expect(found.has(Certificate.parse(rootA({ serial: 8 }).der))).toBe(false);
});

test('a bundle does not change when the bytes it was read from do', () => {
  const der = Buffer.from(ROOT_A.der);
  const found = X509Bundle.fromDer(A, [der]);
  der.fill(0);
  expect(found.equals(bundle(A, ROOT_A))).toBe(true);
  expect(Object.isFrozen(found) && Object.isFrozen(found.authorities)).toBe(true);
});

test('a certificate in the set of one trust domain is none in that of another', () => {
  const set = BundleSet.of(bundle(A, ROOT_A), bundle(B, ROOT_B));
  expect(set.require(A).has(Certificate.parse(ROOT_B.der))).toBe(false);
  expect(set.require(B).has(Certificate.parse(ROOT_B.der))).toBe(true);
});

test('a set is changed by making another one', () => {
  const one = BundleSet.of(bundle(A, ROOT_A));
  const two = one.with(bundle(B, ROOT_B));
  expect([one.size, two.size, two.without(A).size]).toEqual([1, 2, 1]);
  expect(two.with(bundle(A, ROOT_B)).get(A)?.equals(bundle(A, ROOT_B))).toBe(true);
  expect(two.get(A)?.equals(bundle(A, ROOT_A))).toBe(true);
  expect(two.without(A).get(A)).toBeUndefined();
  expect(BundleSet.empty.size).toBe(0);
  expect([...two].map(({ trustDomain }) => trustDomain.name)).toEqual(['a.test', 'b.test']);
  expect(BundleSet.of(bundle(B, ROOT_B), bundle(A, ROOT_A)).trustDomains).toEqual([A, B]);
});

test('sets are equal when their bundles are, whatever their order', () => {
  const one = BundleSet.of(bundle(A, ROOT_A), bundle(B, ROOT_B));
  expect(one.equals(BundleSet.of(bundle(B, ROOT_B), bundle(A, ROOT_A)))).toBe(true);
  expect(one.equals(BundleSet.of(bundle(B, ROOT_B), bundle(A, ROOT_B)))).toBe(false);
  expect(one.equals(one.without(B))).toBe(false);
  expect(one.without(B).equals(BundleSet.of(bundle(B, ROOT_B)))).toBe(false);
});

test('JSON and inspect tell the trust domain, its authorities by fingerprint, and what was left out', () => {
  const set = BundleSet.of(bundle(A, ROOT_A, leafA()));
  const { fingerprint256 } = Certificate.parse(ROOT_A.der);
  expect(JSON.parse(JSON.stringify(set))).toMatchObject({
    'a.test': {
      trustDomain: 'a.test',
      authorities: [{ fingerprint256, isCa: true }],
      skipped: [expect.any(String)],
    },
  });
  expect(inspect(set)).toContain(fingerprint256);
});
