import {
  constants,
  createHash,
  createECDH,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { p256, p384, p521 } from '@noble/curves/nist.js';

import { bits, element, integer, NULL, octets, oid, sequence } from './der.ts';

/** A key, and one way to sign with it. The same bytes give the same signature. */
export interface Key {
  /** For recipes: `ec-p256 root-a`. */
  readonly name: string;
  /** SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  /** AlgorithmIdentifier of its signatures. */
  readonly algorithm: Buffer;
  /** For recipes: `ecdsa-sha256`. */
  readonly scheme: string;
  /** Absent where only the public half exists. */
  readonly privateKey?: KeyObject;
  sign(data: Uint8Array): Buffer;
}

const CURVES = {
  'ec-p256': {
    curve: p256,
    oid: '1.2.840.10045.3.1.7',
    size: 32,
    hash: 'sha256',
    ecdsa: '1.2.840.10045.4.3.2',
  },
  'ec-p384': { curve: p384, oid: '1.3.132.0.34', size: 48, hash: 'sha384', ecdsa: '1.2.840.10045.4.3.3' },
  'ec-p521': { curve: p521, oid: '1.3.132.0.35', size: 66, hash: 'sha512', ecdsa: '1.2.840.10045.4.3.4' },
} as const;

/** A curve that there are keys on. */
export type CurveName = keyof typeof CURVES;

/** The order of P-256, for signatures that are out of range. */
export const P256_ORDER: bigint = p256.Point.Fn.ORDER;

const RSA_HASHES = {
  md5: '1.2.840.113549.1.1.4',
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
} as const;

/** An ECDSA key whose scalar and nonces follow from its label (RFC 6979). */
export function ecKey(label: string, type: CurveName = 'ec-p256'): Key {
  const { curve, oid: curveOid, hash, ecdsa } = CURVES[type];
  const secret = ecSecret(label, type);
  const sec1 = sequence(integer(1), octets(secret), element(0xa0, oid(curveOid)));
  const privateKey = createPrivateKey({ key: sec1, format: 'der', type: 'sec1' });
  return {
    name: `${type} ${label}`,
    spki: spkiOf(privateKey),
    algorithm: sequence(oid(ecdsa)),
    scheme: `ecdsa-${hash}`,
    privateKey,
    sign: (data) => Buffer.from(curve.sign(data, secret, { format: 'der' })),
  };
}

function ecSecret(label: string, type: CurveName): Buffer {
  const { curve, size } = CURVES[type];
  const order = curve.Point.Fn.ORDER;
  const scalar = (BigInt(`0x${seed(`${type} ${label}`, size + 16).toString('hex')}`) % (order - 1n)) + 1n;
  return Buffer.from(scalar.toString(16).padStart(size * 2, '0'), 'hex');
}

/** The signature of the key of a label as r and s one after the other, as JWS has it (RFC 7518 3.4). */
export function ecSignature(data: Uint8Array, label: string, type: CurveName): Buffer {
  return Buffer.from(CURVES[type].curve.sign(data, ecSecret(label, type), { format: 'compact' }));
}

/** An Ed25519 key whose secret follows from its label. */
export function ed25519Key(label: string): Key {
  const algorithm = sequence(oid('1.3.101.112'));
  const pkcs8 = sequence(integer(0), algorithm, octets(octets(seed(`ed25519 ${label}`, 32))));
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return {
    name: `ed25519 ${label}`,
    spki: spkiOf(privateKey),
    algorithm,
    scheme: 'ed25519',
    privateKey,
    sign: (data) => sign(null, data, privateKey),
  };
}

/**
 * A committed RSA key.
 *
 * @param file - in `keys`, without the extension.
 */
export function rsaKey(file: string, hash: keyof typeof RSA_HASHES = 'sha256'): Key {
  const privateKey = createPrivateKey(readFileSync(join(import.meta.dirname, `../keys/${file}.pem`)));
  return {
    name: file,
    spki: spkiOf(privateKey),
    algorithm: sequence(oid(RSA_HASHES[hash]), NULL),
    scheme: `rsa-${hash}`,
    privateKey,
    sign: (data) => sign(hash, data, privateKey),
  };
}

/** The same key with RSASSA-PSS, SHA-256 and a salt that follows from what is signed. */
export function rsaPssKey(file: string): Key {
  const key = rsaKey(file);
  const sha256 = sequence(oid('2.16.840.1.101.3.4.2.1'));
  const parameters = sequence(
    element(0xa0, sha256),
    element(0xa1, sequence(oid('1.2.840.113549.1.1.8'), sha256)),
    element(0xa2, integer(32)),
  );
  return {
    ...key,
    scheme: 'rsa-pss-sha256',
    algorithm: sequence(oid('1.2.840.113549.1.1.10'), parameters),
    sign: (data) => signPss(data, key, 'sha256'),
  };
}

/** A key of which only the public half is of use. */
function publicKey(name: string, spki: Buffer): Key {
  return {
    name,
    spki,
    algorithm: NULL,
    scheme: 'none',
    sign: () => {
      throw new Error(`${name} signs nothing`);
    },
  };
}

/** A P-192 key, which nobody should accept. */
export function p192Key(): Key {
  const ecdh = createECDH('prime192v1');
  ecdh.setPrivateKey(seed('p-192', 20));
  const algorithm = sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.1'));
  return publicKey('ec-p192', sequence(algorithm, bits(ecdh.getPublicKey())));
}

/** A DSA key, which nobody should accept. */
export function dsaKey(): Key {
  const key = createPublicKey(readFileSync(join(import.meta.dirname, '../keys/dsa-1024-public.pem')));
  return publicKey('dsa-1024', key.export({ format: 'der', type: 'spki' }));
}

/** The private key as PKCS#8. */
export function pkcs8Of({ name, privateKey }: Key): Buffer {
  if (privateKey === undefined) throw new Error(`${name} has no private half`);
  return privateKey.export({ format: 'der', type: 'pkcs8' });
}

/** Bytes that follow from a label. */
export function seed(label: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', 'svidkit conformance vectors, format 1', '', label, length));
}

/** RFC 8017 9.1.1, with MGF1 and a salt as long as the hash that follows from what is signed. */
export function signPss(
  data: Uint8Array,
  { privateKey }: Pick<Key, 'privateKey'>,
  algorithm: 'sha256' | 'sha384' | 'sha512',
): Buffer {
  if (privateKey === undefined) throw new Error('no private half');
  const size = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const digest = createHash(algorithm).update(data).digest();
  const salt = createHash(algorithm).update('salt').update(digest).digest();
  const hash = createHash(algorithm).update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const block = Buffer.alloc(size - hash.length - 1);
  block[block.length - salt.length - 1] = 1;
  salt.copy(block, block.length - salt.length);
  const mask = mgf1(hash, block.length, algorithm);
  for (const [index, byte] of mask.entries()) block[index] = (block[index] ?? 0) ^ byte;
  block[0] = (block[0] ?? 0) & 0x7f;
  const encoded = Buffer.concat([block, hash, Buffer.from([0xbc])]);
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
}

function mgf1(hash: Buffer, length: number, algorithm: string): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; parts.length * hash.length < length; index++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(index);
    parts.push(createHash(algorithm).update(hash).update(counter).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

function spkiOf(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
}
