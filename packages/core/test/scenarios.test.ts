import { describe, expect, test } from 'vitest';

import { BundleSet } from '../src/bundle-set.ts';
import { Certificate } from '../src/certificate.ts';
import { parsePem } from '../src/pem.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { verifyX509Chain } from '../src/verify-x509-chain.ts';
import { verifyX509Svid } from '../src/verify-x509-svid.ts';
import { findPath } from '../src/verify/certification-path.ts';
import { X509Bundle } from '../src/x509-bundle.ts';
import { X509Svid } from '../src/x509-svid.ts';
import { ALL_SCENARIOS } from './corpus/all-scenarios.ts';
import { type Core, verdict } from './corpus/scenario.ts';

const core: Core = {
  BundleSet,
  Certificate,
  TrustDomain,
  X509Bundle,
  X509Svid,
  findPath,
  parsePem,
  verifyX509Chain,
  verifyX509Svid,
};

for (const [about, scenarios] of Object.entries(ALL_SCENARIOS)) {
  describe(`rules for ${about}`, () => {
    test.for(scenarios)('$title', ({ bad, code, good }) => {
      expect(verdict(core, bad)).toBe(code);
      expect(verdict(core, good)).toBe('ok');
    });
  });
}

test('the adversarial matrix of leaf, path and constraints has at least 64 scenarios, none twice', () => {
  const matrix = ['the leaf', 'the issuers', 'the path', 'name constraints'].flatMap(
    (about) => ALL_SCENARIOS[about] ?? [],
  );
  expect(new Set(matrix.map(({ title }) => title)).size).toBe(matrix.length);
  expect(matrix.length).toBeGreaterThanOrEqual(64);
});
