import { expect, test } from 'vitest';

import { BundleSet, firstReasons, parseBundleDocument, TrustDomain } from '../src/index.ts';

test('says few reasons whole, and how many more there are of many', () => {
  expect(firstReasons([])).toBe('');
  expect(firstReasons(['a', 'b', 'c', 'd', 'e'])).toBe('a; b; c; d; e');
  expect(firstReasons(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).toBe('a; b; c; d; e; and 2 more');
});

test('a bundle with thousands of useless entries makes no long message', () => {
  const trustDomain = TrustDomain.parse('partner.example');
  const keys = Array.from({ length: 5_000 }, () => ({ kty: 'EC', use: 'x509-svid' }));
  const { x509 } = parseBundleDocument(JSON.stringify({ keys }), trustDomain);
  const bundles = BundleSet.of(x509);
  expect(() => bundles.require(trustDomain)).toThrow(/^.{1,1000}$/);
});
