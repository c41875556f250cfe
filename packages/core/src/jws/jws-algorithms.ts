import { type KeyObject } from 'node:crypto';

import { declaredAlgorithm } from '../declared-algorithm.ts';

/** The algorithms that JWT-SVIDs, WIT-SVIDs and proofs of possession may be signed with. */
export type JwtAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'PS256'
  | 'PS384'
  | 'PS512';

/** What each needs for a key: a curve (as OpenSSL calls it), or RSA. JWT-SVID 2.1 and WIT-SVID 2.3, 3.2 have these nine and
 * no other. */
const KEYS: ReadonlyMap<string, string> = new Map<JwtAlgorithm, string>([
  ['RS256', 'rsa'],
  ['RS384', 'rsa'],
  ['RS512', 'rsa'],
  ['ES256', 'prime256v1'],
  ['ES384', 'secp384r1'],
  ['ES512', 'secp521r1'],
  ['PS256', 'rsa'],
  ['PS384', 'rsa'],
  ['PS512', 'rsa'],
]);

// As for certificates: costs of a verification grow with the size of the key and with its exponent.
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 8192;
const LEAST_RSA_EXPONENT = 3n;
const MOST_RSA_EXPONENT = 0xff_ff_ff_ffn;

/** Whether `name` is one of the nine, byte for byte. */
export function isJwtAlgorithm(name: unknown): name is JwtAlgorithm {
  return typeof name === 'string' && KEYS.has(name);
}

const ECDSA_BYTES: Readonly<Partial<Record<JwtAlgorithm, number>>> = { ES256: 64, ES384: 96, ES512: 132 };
/** RSA keys of whole multiples of 256 bits have signatures of whole multiples of this. */
const RSA_STEP_BYTES = 32;

/** Whether a signature of so many bytes can be a whole one. */
export function isWholeSignature(algorithm: JwtAlgorithm, length: number): boolean {
  const wanted = ECDSA_BYTES[algorithm];
  return wanted === undefined
    ? length >= LEAST_RSA_BITS / 8 && length % RSA_STEP_BYTES === 0
    : length === wanted;
}

/** Whether `key` is a public key that signatures of `algorithm` are accepted of. */
export function isKeyFor(algorithm: JwtAlgorithm, key: KeyObject): boolean {
  if (key.type !== 'public' || (declaredAlgorithm(key) ?? algorithm) !== algorithm) return false;
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const wanted = KEYS.get(algorithm);
  if (wanted !== 'rsa') return key.asymmetricKeyType === 'ec' && namedCurve === wanted;
  return (
    key.asymmetricKeyType === 'rsa' &&
    modulusLength >= LEAST_RSA_BITS &&
    modulusLength <= MOST_RSA_BITS &&
    publicExponent >= LEAST_RSA_EXPONENT &&
    publicExponent <= MOST_RSA_EXPONENT &&
    publicExponent % 2n === 1n
  );
}
