import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto';

import { type Json, type JsonObject } from '../../src/json.ts';
import { type CurveName, ecKey, ecSignature, ed25519Key, rsaKey, signPss } from '../pki/keys.ts';

/** What signs tokens: the same bytes give the same signature. */
export interface TokenKey {
  /** For the header. */
  readonly alg: string;
  readonly publicKey: KeyObject;
  sign(input: Uint8Array): Buffer;
}

const CURVE_OF: Readonly<Record<string, CurveName>> = {
  ES256: 'ec-p256',
  ES384: 'ec-p384',
  ES512: 'ec-p521',
};
type Sha = 'sha256' | 'sha384' | 'sha512';

/** A key for one of the nine algorithms, whose bytes follow from a label; RSA has one committed key for all. */
export function tokenKey(alg: string, label = 'jwt a'): TokenKey {
  const curve = CURVE_OF[alg];
  const hash = `sha${alg.slice(2)}` as Sha;
  if (curve !== undefined) {
    const { spki } = ecKey(label, curve);
    return { alg, publicKey: publicKeyOf(spki), sign: (input) => ecSignature(input, label, curve) };
  }
  const { spki, privateKey } = rsaKey('rsa-2048');
  if (privateKey === undefined) throw new Error('no private half');
  return {
    alg,
    publicKey: publicKeyOf(spki),
    sign: (input) =>
      alg.startsWith('PS') ? signPss(input, { privateKey }, hash) : sign(hash, input, privateKey),
  };
}

/** An Ed25519 key, with which no JWT-SVID is signed. */
export function edKey(): TokenKey {
  const key = ed25519Key('jwt a');
  return { alg: 'EdDSA', publicKey: publicKeyOf(key.spki), sign: (input) => key.sign(input) };
}

/** A part of a token, for a value or for JSON text as it is. */
export function part(content: Json): string {
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).toString('base64url');
}

/** A signed token with this header and payload, each a value or JSON text. */
export function mint(header: Json, payload: Json, key: TokenKey): string {
  return signed(`${part(header)}.${part(payload)}`, key);
}

/** A token out of its first two parts. */
export function signed(input: string, key: Pick<TokenKey, 'sign'>): string {
  return `${input}.${key.sign(Buffer.from(input)).toString('base64url')}`;
}

/** A token that is authenticated by a shared secret. */
export function mintHmac(hash: string, secret: string | Buffer, header: Json, payload: Json): string {
  const input = `${part(header)}.${part(payload)}`;
  return signed(input, { sign: (bytes) => createHmac(hash, secret).update(bytes).digest() });
}

/** A raw RSA operation over a block that the caller has padded. */
export function rsaRaw(block: Buffer): Buffer {
  const { privateKey } = rsaKey('rsa-2048');
  if (privateKey === undefined) throw new Error('no private half');
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block);
}

/** SHA-256 of some bytes. */
export function sha256(input: Uint8Array): Buffer {
  return createHash('sha256').update(input).digest();
}

/** A public key as JWK, as an entry of a SPIFFE bundle. */
export function jwkOf({ publicKey }: TokenKey, members: JsonObject): JsonObject {
  return { ...(publicKey.export({ format: 'jwk' }) as JsonObject), ...members };
}

/** The JSON text of a bundle. */
export function bundleText(...keys: readonly JsonObject[]): string {
  return JSON.stringify({ keys });
}

function publicKeyOf(spki: Buffer): KeyObject {
  return createPublicKey({ key: spki, format: 'der', type: 'spki' });
}
