import {
  constants,
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
export const ED25519: Buffer = sequence(oid('1.3.101.112'));
export const ECDSA_SHA256: Buffer = sequence(oid('1.2.840.10045.4.3.2'));
const CURVES = {
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  k256: '1.3.132.0.10',
};
const HASHES = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
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

/** How RSA-PSS signs. */
export interface PssOptions {
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly saltLength: number;
  /** @default as `hash` */
  readonly mgf1Hash?: keyof typeof HASHES;
}

/** The AlgorithmIdentifier of RSA-PSS; one with NULL behind each hash where `hasNulls`. */
export function pssAlgorithm({ hash, saltLength, mgf1Hash = hash }: PssOptions, hasNulls = false): Buffer {
  const hashed = (name: keyof typeof HASHES): Buffer =>
    sequence(oid(HASHES[name]), ...(hasNulls ? [NULL] : []));
  return sequence(
    oid('1.2.840.113549.1.1.10'),
    sequence(
      element(0xa0, hashed(hash)),
      element(0xa1, sequence(oid('1.2.840.113549.1.1.8'), hashed(mgf1Hash))),
      element(0xa2, integer(saltLength)),
    ),
  );
}

/** An RSA key, signing with RSA-PSS, and saying that it does so as `says`. */
export function pssKey(key: TestKey, how: PssOptions, says: Buffer = pssAlgorithm(how)): TestKey {
  const { hash, saltLength, mgf1Hash = hash } = how;
  // The hash of MGF1 is no option of `sign`: a key that is bound to it makes the signature.
  const numbers = key.privateKey.export({ format: 'der', type: 'pkcs1' });
  const bound = sequence(integer(0), pssAlgorithm({ hash, saltLength, mgf1Hash }), octets(numbers));
  const privateKey = createPrivateKey({ key: bound, format: 'der', type: 'pkcs8' });
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const signPss = (data: Buffer): Buffer => sign(hash, data, { key: privateKey, padding, saltLength });
  return { ...key, algorithm: says, sign: signPss };
}

/** The same key, saying that it signs otherwise than it does. */
export function claiming(key: TestKey, algorithm: Buffer): TestKey {
  return { ...key, algorithm };
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
