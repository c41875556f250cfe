import { createVerify, type KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto';

import { type SignatureAlgorithm } from '../der/signature-algorithm.ts';

/**
 * Whether `key` made `signature` over exactly the bytes `signed`, by exactly this algorithm: what RFC 5280 6.1.3
 * (a) (1) asks for. There is no other algorithm to fall back to.
 *
 * @throws what `node:crypto` does for an algorithm or a key that this Node.js does not have.
 */
export function verifySignature(
  key: KeyObject,
  algorithm: SignatureAlgorithm,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { keyType, hash, padding, saltLength } = algorithm;
  // `node:crypto` goes by the key alone: an RSA key verifies PKCS#1 under the name of ECDSA, and of Ed25519.
  // rule: signature.key-type
  if (key.asymmetricKeyType !== keyType) return false;
  if (hash === undefined) return verify(null, signed, key, signature);
  // Not `verify`, which takes half as long again, nor the key inside of an object where nothing else has to be said.
  const check = createVerify(hash).update(signed);
  if (padding === undefined) return check.verify(key, signature);
  const how: VerifyKeyObjectInput = { key };
  // rule: signature.padding
  how.padding = padding;
  // Left out, any length would do.
  // rule: signature.salt-length
  if (saltLength !== undefined) how.saltLength = saltLength;
  return check.verify(how, signature);
}
