import { Buffer } from 'node:buffer';
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { SpiffeError } from '@svidkit/core';

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

/** What signs a token. */
interface Signer {
  readonly algorithm: string;
  readonly privateKey: KeyObject;
}

/** A token in compact serialization, whatever it says. */
export function signedToken(header: object, claims: object, signer: Signer): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signature(input, signer).toString('base64url')}`;
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. */
export function requireAlgorithm(algorithm: string): void {
  if (/^(?:ES|RS|PS)(?:256|384|512)$/.test(algorithm)) return;
  throw new SpiffeError('ERR_CONFIG_OPTION', `option algorithm: want one of nine, got ${algorithm}`);
}

/** A new key pair for an algorithm. */
export function tokenKeyPair(algorithm: string): { privateKey: KeyObject; publicKey: KeyObject } {
  const namedCurve = CURVES[algorithm];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

function signature(input: string, { algorithm, privateKey: key }: Signer): Buffer {
  const hash = `sha${algorithm.slice(2)}`;
  const bytes = Buffer.from(input);
  if (algorithm.startsWith('ES')) return sign(hash, bytes, { key, dsaEncoding: 'ieee-p1363' });
  if (algorithm.startsWith('RS')) return sign(hash, bytes, key);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign(hash, bytes, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
