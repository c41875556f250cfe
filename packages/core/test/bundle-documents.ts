import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';

import { type Issued } from './pki/certificates.ts';
import { ecKey, rsaKey, type TestKey } from './pki/keys.ts';

/** An entry of a JWK Set, as it is written. */
export type Entry = Record<string, unknown>;

/** Keys that sign JWT-SVIDs. */
export const JWT_KEYS: Readonly<Record<'p256' | 'p384' | 'p521' | 'rsa' | 'other', TestKey>> = {
  p256: ecKey('jwt p256'),
  p384: ecKey('jwt p384', 'p384'),
  p521: ecKey('jwt p521', 'p521'),
  rsa: rsaKey(2048),
  other: ecKey('jwt other'),
};

/** The public key of a key that can sign. */
export function publicKeyOf(key: TestKey): KeyObject {
  return createPublicKey(key.privateKey);
}

/** The entry of a certificate authority, and `changes` to it; undefined leaves a member out. */
export function x509Entry(authority: Issued, changes: Entry = {}): Entry {
  const jwk = publicKeyOf(authority.key).export({ format: 'jwk' });
  return { ...jwk, use: 'x509-svid', x5c: [authority.der.toString('base64')], ...changes };
}

/** The entry of a key that signs JWT-SVIDs, and `changes` to it. */
export function jwtEntry(kid: string, key: TestKey = JWT_KEYS.p256, changes: Entry = {}): Entry {
  return { ...publicKeyOf(key).export({ format: 'jwk' }), use: 'jwt-svid', kid, ...changes };
}

/** All of a private key, as nobody should publish it. */
export function privateJwk(key: TestKey): JsonWebKey {
  return key.privateKey.export({ format: 'jwk' });
}

/** A document with these entries, and members beside them. */
export function documentOf(keys: readonly unknown[], members: Entry = {}): string {
  return JSON.stringify({ keys, ...members });
}

/** Entries that no reader can use, each with what the reason has to say. */
export const UNUSABLE_JWT_ENTRIES: readonly (readonly [string, Entry, RegExp])[] = [
  ['no key ID', jwtEntry('a', JWT_KEYS.p256, { kid: undefined }), /want a key ID/],
  ['an empty key ID', jwtEntry(''), /want a key ID/],
  ['a number as key ID', jwtEntry('a', JWT_KEYS.p256, { kid: 1 }), /want a key ID/],
  ['no kty', jwtEntry('a', JWT_KEYS.p256, { kty: undefined }), /want kty/],
  ['an unknown kty', jwtEntry('a', JWT_KEYS.p256, { kty: 'AKP' }), /unknown key type "AKP"/],
  ['kty in lower case', jwtEntry('a', JWT_KEYS.p256, { kty: 'ec' }), /unknown key type/],
  ['another kty than its members', jwtEntry('a', JWT_KEYS.p256, { kty: 'RSA' }), /want n/],
  ['the curve P-192', jwtEntry('a', JWT_KEYS.p256, { crv: 'P-192' }), /curve "P-192"/],
  ['a curve of one letter more', jwtEntry('a', JWT_KEYS.p256, { crv: 'P-2561' }), /unknown key type/],
  ['the curve secp256k1', jwtEntry('a', ecKey('k', 'k256')), /curve "secp256k1"/],
  ['Ed25519', { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), use: 'jwt-svid', kid: 'a' }, /"OKP"/],
  ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0', use: 'jwt-svid', kid: 'a' }, /"oct"/],
  ['no y', jwtEntry('a', JWT_KEYS.p256, { y: undefined }), /want y/],
  ['x that is too short', jwtEntry('a', JWT_KEYS.p256, { x: 'AAAA' }), /want 32 bytes as x/],
  ['x in base64 with padding', jwtEntry('a', JWT_KEYS.p256, { x: `${'A'.repeat(43)}=` }), /base64url/],
  ['a point off its curve', jwtEntry('a', JWT_KEYS.p256, { x: `${'A'.repeat(42)}E` }), /do not make one/],
  ['a key of another curve', jwtEntry('a', JWT_KEYS.p384, { crv: 'P-256' }), /want 32 bytes/],
  ['an RSA exponent of 1', jwtEntry('a', JWT_KEYS.rsa, { e: 'AQ' }), /exponent|do not make/],
  ['an even RSA exponent', jwtEntry('a', JWT_KEYS.rsa, { e: 'AQAA' }), /exponent|do not make/],
  ['an RSA exponent of 33 bits', jwtEntry('a', JWT_KEYS.rsa, { e: 'AQAAAAE' }), /exponent|do not make/],
  ['RSA of 1024 bits', jwtEntry('a', rsaKey(1024)), /want an RSA key of 2048/],
  ['RSA of a million bits', jwtEntry('a', JWT_KEYS.rsa, { n: 'w'.repeat(170_000) }), /too long/],
  ['an RSA modulus of zero', jwtEntry('a', JWT_KEYS.rsa, { n: 'AA' }), /RSA/],
  ['alg of a MAC', jwtEntry('a', JWT_KEYS.rsa, { alg: 'HS256' }), /as alg/],
  ['alg of another kind of key', jwtEntry('a', JWT_KEYS.p256, { alg: 'RS256' }), /as alg/],
  ['alg of another curve', jwtEntry('a', JWT_KEYS.p256, { alg: 'ES384' }), /as alg/],
  ['key_ops without verify', jwtEntry('a', JWT_KEYS.p256, { key_ops: ['sign'] }), /key_ops/],
];

/** A key type that JWT-SVIDs do not have. */
export function ed25519Public(): KeyObject {
  return generateKeyPairSync('ed25519').publicKey;
}
