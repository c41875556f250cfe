import { createPrivateKey, KeyObject } from 'node:crypto';

import { SpiffeError } from './errors.ts';
import { parsePem } from './pem.ts';
import { kindOf, quote } from './quote.ts';

/** How `node:crypto` calls what a PEM block of a private key holds. */
const KEY_ENCODINGS: Readonly<Record<string, 'pkcs8' | 'sec1' | 'pkcs1'>> = {
  'PRIVATE KEY': 'pkcs8',
  'EC PRIVATE KEY': 'sec1',
  'RSA PRIVATE KEY': 'pkcs1',
};

/** Labels that a file with a private key may have beside it: a whole credential bundle, and what `openssl ecparam` adds. */
const BESIDE = new Set(['CERTIFICATE', 'EC PARAMETERS']);

/**
 * Reads the one private key of a PEM text. Errors never hold what a parser said, which could show part of a key.
 *
 * @throws {@link SpiffeError} `ERR_PEM_INVALID`, `ERR_SVID_KEY_INVALID`, `ERR_SVID_KEY_ENCRYPTED`.
 */
export function readPrivateKeyPem(text: string | Uint8Array, file: string | undefined): KeyObject {
  const where = file === undefined ? {} : { file };
  const keys = parsePem(text, where).filter(({ label }) => !BESIDE.has(label));
  const [key, ...others] = keys;
  // rule: key.exists
  if (key === undefined) {
    throw new SpiffeError('ERR_SVID_KEY_INVALID', 'want one private key in PEM, got none', where);
  }
  // rule: key.exactly-one
  if (others.length > 0) {
    const labels = keys.map(({ label }) => quote(label)).join(', ');
    throw new SpiffeError('ERR_SVID_KEY_INVALID', `want one private key in PEM, got ${labels}`, where);
  }
  // rule: key.not-encrypted
  if (key.encrypted) {
    throw new SpiffeError('ERR_SVID_KEY_ENCRYPTED', 'the private key is encrypted', {
      hint: 'Mount the key without a passphrase; the mount itself has to keep it secret.',
      ...where,
    });
  }
  const encoding = KEY_ENCODINGS[key.label];
  // rule: key.label
  if (encoding === undefined) {
    throw new SpiffeError('ERR_SVID_KEY_INVALID', `want a private key, got ${quote(key.label)}`, where);
  }
  return decode(key.der, encoding, where);
}

/**
 * Reads a private key from PKCS#8, or takes one that is read already.
 *
 * @throws {@link SpiffeError} `ERR_SVID_KEY_INVALID`.
 */
export function readPrivateKeyDer(key: Uint8Array | KeyObject): KeyObject {
  if (key instanceof Uint8Array) return decode(key, 'pkcs8', {});
  if (key instanceof KeyObject && key.type === 'private') return key;
  const got = key instanceof KeyObject ? `a ${key.type} key` : kindOf(key);
  throw new SpiffeError('ERR_SVID_KEY_INVALID', `want a private key as PKCS#8 DER or KeyObject, got ${got}`);
}

function decode(
  der: Uint8Array,
  type: 'pkcs8' | 'sec1' | 'pkcs1',
  where: { readonly file?: string },
): KeyObject {
  try {
    return createPrivateKey({
      key: Buffer.from(der.buffer, der.byteOffset, der.byteLength),
      format: 'der',
      type,
    });
  } catch {
    throw new SpiffeError('ERR_SVID_KEY_INVALID', `the private key does not parse as ${type.toUpperCase()}`, {
      hint: 'It must be EC P-256, P-384 or P-521, RSA, Ed25519, or ML-DSA where this Node.js supports it.',
      ...where,
    });
  }
}
