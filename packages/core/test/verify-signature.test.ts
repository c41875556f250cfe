import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Certificate } from '../src/certificate.ts';
import { readCertificate } from '../src/der/certificate-fields.ts';
import { acceptedSignature } from '../src/der/signature-algorithm.ts';
import { verifyX509Svid } from '../src/verify-x509-svid.ts';
import { SignatureChecks } from '../src/verify/signature-checks.ts';
import { WorkBudget } from '../src/verify/work-budget.ts';
import { bundles } from './bundles.ts';
import { leafA } from './corpus/world.ts';
import { failureOf } from './failure-of.ts';
import { type Issued, issueCa, NOW } from './pki/certificates.ts';
import { element, sequence } from './pki/der.ts';
import {
  ecKey,
  ED25519,
  ed25519Key,
  pssAlgorithm,
  pssKey,
  RSA_SHA256,
  rsaAlgorithm,
  rsaKey,
  signingWith,
  type TestKey,
  testKey,
} from './pki/keys.ts';

const rsa = rsaKey(2048);
const ecdsa = (last: string): Buffer => sequence(element(0x06, `2a8648ce3d04030${last}`));
const SIGNERS: readonly (readonly [name: string, key: TestKey])[] = [
  ['Ed25519', ed25519Key('signer')],
  ['ECDSA with SHA-256 on P-256', ecKey('signer')],
  ['ECDSA with SHA-384 on P-384', signingWith(ecKey('signer', 'p384'), ecdsa('3'), 'sha384')],
  ['ECDSA with SHA-512 on P-521', signingWith(ecKey('signer', 'p521'), ecdsa('4'), 'sha512')],
  // Hash and curve need not be of one size (RFC 5758 3.2).
  ['ECDSA with SHA-512 on P-256', signingWith(ecKey('signer'), ecdsa('4'), 'sha512')],
  ['PKCS#1 with SHA-256', rsa],
  ['PKCS#1 with SHA-384', signingWith(rsa, rsaAlgorithm('1.2.840.113549.1.1.12'), 'sha384')],
  ['PKCS#1 with SHA-512', signingWith(rsa, rsaAlgorithm('1.2.840.113549.1.1.13'), 'sha512')],
  [
    'PKCS#1 without NULL',
    signingWith(rsa, sequence(element(0x06, RSA_SHA256.subarray(4, 13).toString('hex'))), 'sha256'),
  ],
  ['RSA-PSS with SHA-256', pssKey(rsa, { hash: 'sha256', saltLength: 32 })],
  ['RSA-PSS with SHA-384', pssKey(rsa, { hash: 'sha384', saltLength: 48 })],
  [
    'RSA-PSS with SHA-512 and NULL',
    pssKey(rsa, { hash: 'sha512', saltLength: 64 }, pssAlgorithm({ hash: 'sha512', saltLength: 64 }, true)),
  ],
];

describe('a signature is judged over the very bytes, as OpenSSL does that reads the certificate itself', () => {
  test.for(SIGNERS)('of %s', ([, key]) => {
    const { leaf, root } = issuedBy(key);
    expect(agreed(leaf.der, root)).toBe(true);
    expect(agreed(leaf.der, issuedBy(ed25519Key('other')).root)).toBe(false);
    expect(agreed(leaf.der, issuedBy(ecKey('other')).root)).toBe(false);
    let refused = 0;
    fc.assert(
      fc.property(fc.nat({ max: leaf.der.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(leaf.der);
        changed[at] = (changed[at] ?? 0) ^ change;
        const verdict = agreed(changed, root);
        expect(verdict).not.toBe(true);
        if (verdict === false) refused += 1;
      }),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  test('and by each key with each algorithm that is accepted', () => {
    const roots = SIGNERS.map(([, key]) => issuedBy(key));
    for (const [signer, { leaf }] of roots.entries()) {
      for (const [other, { root }] of roots.entries()) {
        const isSame = SIGNERS[signer]?.[1].spki.equals(SIGNERS[other]?.[1].spki as Buffer);
        expect(agreed(leaf.der, root)).toBe(isSame);
      }
    }
  });
});

describe('ML-DSA', () => {
  const kinds = [
    ['ml-dsa-44', '608648016503040311'],
    ['ml-dsa-65', '608648016503040312'],
    ['ml-dsa-87', '608648016503040313'],
  ] as const;
  const isKnown = canMake('ml-dsa-44');

  // Where it does not, `corpus/signature-scenarios.ts` has a certificate for it.
  test.skipIf(!isKnown).for(kinds)('%s signs certificates where Node.js knows it', ([type, oid]) => {
    const { leaf, root } = issuedBy(mlDsaKey(type, oid));
    expect(agreed(leaf.der, root)).toBe(true);
    const forged = Buffer.from(leaf.der);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(agreed(forged, root)).toBe(false);
    const [otherType, otherOid] = kinds.find(([one]) => one !== type) ?? kinds[0];
    expect(agreed(leaf.der, issuedBy(mlDsaKey(otherType, otherOid)).root)).toBe(false);
  });
});

test('a signature of an algorithm that is not accepted says so, and none of its key does', () => {
  const sha1 = signingWith(rsa, rsaAlgorithm('1.2.840.113549.1.1.5'), 'sha1');
  expect(acceptedSignature(sha1.algorithm.toString('hex'))).toBeUndefined();
  expect(acceptedSignature(ED25519.toString('hex'))).toEqual({ keyType: 'ed25519' });
  const { leaf, root } = issuedBy(sha1);
  const verify = (): unknown =>
    verifyX509Svid([leaf.der], bundles({ 'a.test': [root] }), { at: NOW, role: 'client' });
  expect(failureOf(verify).message).toContain('signed with an algorithm that is weak or unknown');
  expect(isSigned(leaf.der, root)).toBe(false);
});

test('a signature that fails leaves nothing behind for the next use of OpenSSL', () => {
  for (const [, key] of SIGNERS) {
    const { leaf, root } = issuedBy(key);
    const forged = Buffer.from(leaf.der);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const clean = errorsOf(() => createPublicKey('not a key'));
    expect(isSigned(forged, root)).toBe(false);
    expect(errorsOf(() => createPublicKey('not a key'))).toEqual(clean);
  }
});

function issuedBy(key: TestKey): { readonly leaf: Issued; readonly root: Issued } {
  const root = issueCa({ key, subject: 'root A' });
  return { leaf: leafA({ issuer: root }), root };
}

/** What we say, which has to be what OpenSSL says where both can read the certificate; undefined where we cannot. */
function agreed(der: Buffer, root: Issued): boolean | undefined {
  const algorithm = algorithmOf(der);
  // Where the algorithm is not ours, it is refused before anyone looks at the signature.
  if (algorithm === undefined || acceptedSignature(algorithm) === undefined) return undefined;
  const ours = isSigned(der, root);
  expect(ours).toBe(isSignedByOpenssl(der, root));
  return ours;
}

function algorithmOf(der: Buffer): string | undefined {
  try {
    return readCertificate(der).signatureAlgorithm;
  } catch {
    return undefined;
  }
}

function isSigned(der: Buffer, root: Issued): boolean {
  return new SignatureChecks(new WorkBudget()).isSignedBy(
    Certificate.parse(der),
    Certificate.parse(root.der),
  );
}

function isSignedByOpenssl(der: Buffer, root: Issued): boolean {
  const key = createPublicKey({ key: root.key.spki, format: 'der', type: 'spki' });
  try {
    return new X509Certificate(der).verify(key);
  } catch {
    return false;
  }
}

function createKeyOf(type: string): { privateKey: KeyObject } {
  return generateKeyPairSync(type as 'ed25519');
}

function canMake(type: string): boolean {
  try {
    createKeyOf(type);
    return true;
  } catch {
    return false;
  }
}

function mlDsaKey(type: string, oid: string): TestKey {
  return testKey(createKeyOf(type).privateKey, sequence(element(0x06, oid)), null);
}

function errorsOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    const { message, opensslErrorStack } = error as Error & { opensslErrorStack?: unknown };
    return { message, opensslErrorStack };
  }
}
