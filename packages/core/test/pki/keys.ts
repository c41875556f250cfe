import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';

import { bits, element, integer, octets, oid, sequence } from './der.ts';

/** A key that can sign certificates. */
export interface TestKey {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** SHA-1 over the bits of the key, as most issuers make key identifiers. */
  readonly keyId: Buffer;
  readonly algorithm: Buffer;
  sign(data: Buffer): Buffer;
}

const NULL = element(0x05);
const ED25519 = sequence(oid('1.3.101.112'));
const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const CURVES = {
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  k256: '1.3.132.0.10',
};

export const rsaAlgorithm = (dotted: string): Buffer => sequence(oid(dotted), NULL);
export const RSA_SHA256: Buffer = rsaAlgorithm('1.2.840.113549.1.1.11');

/** The same key for the same seed, and the same signature for the same bytes. */
export function ed25519Key(seed: string): TestKey {
  const secret = createHash('sha256').update(seed).digest();
  const pkcs8 = sequence(integer(0), ED25519, octets(octets(secret)));
  return testKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }), ED25519, null);
}

/** The same key for the same seed; its signatures differ, as ECDSA has it. */
export function ecKey(seed: string, curve: keyof typeof CURVES = 'p256'): TestKey {
  const secret = createHash('sha256').update(seed).digest();
  const sec1 = sequence(integer(1), octets(secret), element(0xa0, oid(CURVES[curve])));
  return testKey(createPrivateKey({ key: sec1, format: 'der', type: 'sec1' }), ECDSA_SHA256, 'sha256');
}

/** A new RSA key. */
export function rsaKey(bitLength: number, algorithm: Buffer = RSA_SHA256, hash = 'sha256'): TestKey {
  return testKey(generateKeyPairSync('rsa', { modulusLength: bitLength }).privateKey, algorithm, hash);
}

/** The same key, signing otherwise. */
export function signingWith(key: TestKey, algorithm: Buffer, hash: string | null): TestKey {
  return testKey(key.privateKey, algorithm, hash);
}

/** A key of which only the public half exists, for what never signs. */
export function publicOnly(key: TestKey, spki: Buffer): TestKey {
  return { ...key, spki };
}

/** The public key of RSA with these numbers. */
export function rsaSpki(modulus: Buffer, exponent: Buffer): Buffer {
  const numbers = sequence(element(0x02, modulus), element(0x02, exponent));
  return sequence(sequence(oid('1.2.840.113549.1.1.1'), NULL), bits(numbers));
}

export function testKey(privateKey: KeyObject, algorithm: Buffer, hash: string | null): TestKey {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const keyId = createHash('sha1').update(spki).digest();
  return { privateKey, spki, keyId, algorithm, sign: (data) => sign(hash, data, privateKey) };
}
