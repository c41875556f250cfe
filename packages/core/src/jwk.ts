import { createPublicKey, type KeyObject } from 'node:crypto';

import { type Certificate } from './certificate.ts';
import { declareAlgorithm } from './declared-algorithm.ts';
import { type JsonObject, type JsonValue, kindOfJson } from './json-reader.ts';
import { quote } from './quote.ts';

/** A key out of a JWK, or why there is none. */
export type JwkReading = { readonly key: KeyObject } | { readonly problem: string };

/** Keys of one kind that sign JWT-SVIDs. */
interface KeyKind {
  /** The members that make up the key. */
  readonly members: readonly string[];
  /** The signature algorithms (JWT-SVID 2.1) that it can be used with. */
  readonly algorithms: readonly string[];
}

const RSA: KeyKind = {
  members: ['n', 'e'],
  algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
};
const EC: ReadonlyMap<string, KeyKind & { readonly length: number }> = new Map([
  ['P-256', { members: ['crv', 'x', 'y'], algorithms: ['ES256'], length: 32 }],
  ['P-384', { members: ['crv', 'x', 'y'], algorithms: ['ES384'], length: 48 }],
  ['P-521', { members: ['crv', 'x', 'y'], algorithms: ['ES512'], length: 66 }],
]);
const BASE64URL = /^[\w-]+$/;
const LEAST_RSA_BITS = 2048;
// As for certificates: the costs of a verification grow with both.
const MOST_RSA_BITS = 8192;
const MOST_RSA_EXPONENT = 0xffff_ffffn;
/** In bytes; a modulus of 8192 bits, maybe with an octet of sign. */
const MOST_NUMBER_BYTES = MOST_RSA_BITS / 8 + 1;

/**
 * The public key of a JWK that verifies signatures of JWT-SVIDs (RFC 7517, RFC 7518 6). Only the members of a public
 * key are looked at: private ones, which have no place in a bundle, are never read.
 */
export function readJwtKey(jwk: JsonObject): JwkReading {
  const kty = jwk.get('kty');
  if (typeof kty !== 'string') return { problem: `want kty, got ${kindOfJson(kty)}` };
  const crv = jwk.get('crv');
  const curve = typeof crv === 'string' ? crv : '';
  const kind = kty === 'RSA' ? RSA : kty === 'EC' ? EC.get(curve) : undefined;
  if (kind === undefined) {
    return { problem: `unknown key type ${quote(kty)}${curve === '' ? '' : ` with curve ${quote(curve)}`}` };
  }
  const reading = forbidden(jwk, kind) ?? numbersProblem(jwk, kind) ?? importKey(kty, jwk, kind);
  const alg = jwk.get('alg');
  if ('key' in reading && typeof alg === 'string') declareAlgorithm(reading.key, alg);
  return reading;
}

/**
 * Why the key that a JWK spells out is not that of its certificate (RFC 7517 4.7: it must be); undefined when it is.
 */
export function differsFromCertificate(jwk: JsonObject, certificate: Certificate): string | undefined {
  let expected: Readonly<Record<string, unknown>>;
  try {
    expected = certificate.publicKey.export({ format: 'jwk' });
  } catch {
    return `this Node.js cannot use its key (${certificate.keyType})`;
  }
  const different = Object.keys(expected).find((name) => jwk.get(name) !== expected[name]);
  return different === undefined ? undefined : `its ${different} is not that of its certificate`;
}

/** RFC 7517 4.3, 4.4: a key that says what it is for is used for nothing else. */
function forbidden(jwk: JsonObject, { algorithms }: KeyKind): { problem: string } | undefined {
  const alg = jwk.get('alg');
  if (alg !== undefined && !(typeof alg === 'string' && algorithms.includes(alg))) {
    return { problem: `want one of ${algorithms.join(', ')} as alg, got ${shown(alg)}` };
  }
  const operations = jwk.get('key_ops');
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return { problem: 'its key_ops do not allow it to verify' };
  }
  return undefined;
}

/** RFC 7518 6.2.1.2, 6.3.1.1: base64url without padding; coordinates have the length of the curve. */
function numbersProblem(
  jwk: JsonObject,
  kind: KeyKind & { readonly length?: number },
): { problem: string } | undefined {
  for (const name of kind.members) {
    const value = jwk.get(name);
    if (name === 'crv') continue;
    if (typeof value !== 'string') return { problem: `want ${name}, got ${kindOfJson(value)}` };
    const bytes = value.length <= MOST_NUMBER_BYTES * 2 ? Buffer.from(value, 'base64url') : undefined;
    if (bytes === undefined) return { problem: `${name} is too long` };
    // Decoding skips what it does not know, so only what encodes back to the same text was base64url.
    if (!BASE64URL.test(value) || bytes.toString('base64url') !== value) {
      return { problem: `${name} is not base64url` };
    }
    if (kind.length !== undefined && bytes.length !== kind.length) {
      return { problem: `want ${kind.length} bytes as ${name}, got ${bytes.length}` };
    }
  }
  return undefined;
}

function importKey(kty: string, jwk: JsonObject, { members }: KeyKind): JwkReading {
  let key: KeyObject;
  try {
    const chosen = Object.fromEntries(members.map((name) => [name, jwk.get(name)]));
    key = createPublicKey({ format: 'jwk', key: { kty, ...chosen } });
  } catch {
    return { problem: `no ${kty} key: its numbers do not make one` };
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (kty !== 'RSA') return { key };
  if (modulusLength === undefined || modulusLength < LEAST_RSA_BITS || modulusLength > MOST_RSA_BITS) {
    return {
      problem: `want an RSA key of ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits, got ${modulusLength ?? 0}`,
    };
  }
  if (publicExponent === undefined || publicExponent < 3n || publicExponent % 2n === 0n) {
    return { problem: 'want an odd RSA exponent of at least 3' };
  }
  if (publicExponent > MOST_RSA_EXPONENT) return { problem: 'an RSA exponent over 32 bits' };
  return { key };
}

function shown(value: JsonValue): string {
  return typeof value === 'string' ? quote(value) : kindOfJson(value);
}
