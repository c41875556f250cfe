import { webcrypto } from 'node:crypto';

import { SpiffeError } from '@svidkit/core';

/** The kinds of keys that the test CA makes. Ed25519 is for tests of parsers: TLS peers may not take it. */
export type KeyType = 'p256' | 'p384' | 'p521' | 'rsa2048' | 'rsa3072' | 'rsa4096' | 'ed25519';

/** {@link KeyType}, and what only a defect asks for. */
export type AnyKeyType = KeyType | 'rsa1024';

type KeyAlgorithm = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams | { readonly name: 'Ed25519' };

const KEY_ALGORITHMS: Readonly<Record<AnyKeyType, KeyAlgorithm>> = {
  p256: { name: 'ECDSA', namedCurve: 'P-256' },
  p384: { name: 'ECDSA', namedCurve: 'P-384' },
  p521: { name: 'ECDSA', namedCurve: 'P-521' },
  rsa1024: rsa(1024),
  rsa2048: rsa(2048),
  rsa3072: rsa(3072),
  rsa4096: rsa(4096),
  ed25519: { name: 'Ed25519' },
};

/** Keys per type in the pool: two neighbours are never the same. */
const POOL_SIZE = 3;
const pool = new Map<AnyKeyType, { readonly keys: Promise<webcrypto.CryptoKeyPair>[]; next: number }>();

/** Makes a new extractable key pair. */
export async function generateKey(keyType: AnyKeyType): Promise<webcrypto.CryptoKeyPair> {
  const key = await webcrypto.subtle.generateKey(KEY_ALGORITHMS[keyType], true, ['sign', 'verify']);
  if ('privateKey' in key) return key;
  throw new SpiffeError('ERR_CONFIG_RUNTIME', `want a pair of keys of type ${keyType}, got one key`);
}

/**
 * Hands out one of three key pairs of this process in turn. For leaves only: authorities that shared a key
 * would vouch for each other.
 */
export function pooledKey(keyType: AnyKeyType): Promise<webcrypto.CryptoKeyPair> {
  const entry = pool.get(keyType) ?? { keys: [], next: 0 };
  pool.set(keyType, entry);
  const slot = entry.next++ % POOL_SIZE;
  return (entry.keys[slot] ??= generateKey(keyType));
}

/** Whether keys of this type take so long to make that leaves use the pool unless asked otherwise. */
export function isSlow(keyType: AnyKeyType): boolean {
  return keyType.startsWith('rsa');
}

function rsa(modulusLength: number): webcrypto.RsaHashedKeyGenParams {
  return {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  };
}
