import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { type JwtAlgorithm } from '../../src/jws/jws-algorithms.ts';

/** A key pair that signs tokens. */
export interface SigningKey {
  readonly algorithm: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const ALGORITHMS: readonly JwtAlgorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
];

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
let rsa: { privateKey: KeyObject; publicKey: KeyObject } | undefined;

/** A new key; the one RSA key of this file's process, since making one takes long. */
export function signingKey(algorithm: string): SigningKey {
  const namedCurve = CURVES[algorithm];
  if (namedCurve !== undefined) return { algorithm, ...generateKeyPairSync('ec', { namedCurve }) };
  rsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { algorithm, ...rsa };
}

/** The signature of `input`, by `node:crypto` and not by what is tested. */
export function signInput(input: string, { algorithm, privateKey }: SigningKey): Buffer {
  const hash = `sha${algorithm.slice(2)}`;
  const bytes = Buffer.from(input);
  if (algorithm.startsWith('ES')) return sign(hash, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  if (algorithm.startsWith('PS')) {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return sign(hash, bytes, { key: privateKey, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
  }
  return sign(hash, bytes, privateKey);
}

/** The part of a token for a text or a value. */
export function part(content: unknown): string {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return Buffer.from(text).toString('base64url');
}

/** A token with this header and payload, as they are: objects or JSON text. */
export function mint(key: SigningKey, header: unknown, payload: unknown): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${signInput(input, key).toString('base64url')}`;
}

/** A token that is authenticated by a shared secret. */
export function mintHmac(secret: string | Buffer, header: unknown, payload: unknown): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}
