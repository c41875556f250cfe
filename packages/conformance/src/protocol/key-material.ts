import { createPrivateKey, type KeyObject } from 'node:crypto';

import { isObject, type Json, type JsonObject, member, parseJson } from '../json.ts';

/** Version, algorithm, curve and tags before the private number of a P-256 key in PKCS#8. */
const P256_HEAD = Buffer.from('020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420', 'hex');
const P256_BYTES = 32;

/** What must not be shown: bytes, or text that stands for bytes nobody could read. */
export type KeyMaterial = Uint8Array | string;

/** Members of a JWK that are secret. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'] as const;
const PEM_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----([^-]*)/g;
/** How much of an encoded key is the same in every key of its type: version, algorithm and the first tags of what follows. */
const SAME_BYTES = 36;

/**
 * The secrets in the parameters of a call: private keys as PEM, as PKCS#8 in a member `keyB64`, and the private members of
 * JSON Web Keys in JSON text. Public halves are none, since answers may name them.
 *
 * @param declared - members of the parameters that are secret as they are, whatever they look like.
 */
export function keyMaterialIn(params: JsonObject, declared: readonly string[] = []): readonly KeyMaterial[] {
  const found: KeyMaterial[] = [];
  walk(params, '', (text, name) => {
    if (text.includes('PRIVATE KEY-----')) found.push(...pemKeys(text));
    if (name === 'keyB64') found.push(...derKey(Buffer.from(text, 'base64')));
    if (text.trimStart().startsWith('{')) found.push(...jsonKeys(text));
  });
  for (const name of declared) {
    const text = member(params, name);
    if (typeof text === 'string') found.push(...unreadable(text.replaceAll(/-----[^-]*-----/g, '')));
  }
  return found;
}

/** The secret parts of a key in DER: of PKCS#8, or all of it but its beginning when that cannot be read. */
export function derKey(der: Buffer): readonly KeyMaterial[] {
  if (der.length === 0) return [];
  try {
    return partsOf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  } catch {
    return [der.subarray(SAME_BYTES)];
  }
}

/** The secret parts of the keys in PEM text. */
export function pemKeys(text: string): readonly KeyMaterial[] {
  return Array.from(text.matchAll(PEM_KEY), ([, label = '', body = '']) => {
    try {
      return partsOf(createPrivateKey(`-----BEGIN ${label}-----${body}-----END ${label}-----\n`));
    } catch {
      return unreadable(body);
    }
  }).flat();
}

/** The secret parts of PKCS#8 keys of the curve P-256, which is what the kit issues, somewhere in bytes. */
export function binaryKeys(bytes: Uint8Array): readonly KeyMaterial[] {
  const all = Buffer.from(bytes);
  const found: KeyMaterial[] = [];
  for (let at = all.indexOf(P256_HEAD); at !== -1; at = all.indexOf(P256_HEAD, at + 1)) {
    const begin = at + P256_HEAD.length;
    found.push(all.subarray(begin, begin + P256_BYTES));
  }
  return found;
}

function jsonKeys(text: string): readonly KeyMaterial[] {
  let document: Json;
  try {
    document = parseJson(text);
  } catch {
    return [];
  }
  const found: KeyMaterial[] = [];
  walk(document, '', (value, name) => {
    if ((SECRET_MEMBERS as readonly string[]).includes(name)) found.push(Buffer.from(value, 'base64url'));
  });
  return found;
}

function partsOf(key: KeyObject): readonly KeyMaterial[] {
  const jwk = key.export({ format: 'jwk' });
  return SECRET_MEMBERS.flatMap((name) => {
    const value = jwk[name];
    return typeof value === 'string' ? [Buffer.from(value, 'base64url')] : [];
  });
}

/** Base64 that cannot be read as a key, as text and as bytes, without what every key begins with. */
function unreadable(text: string): readonly KeyMaterial[] {
  const body = text.replaceAll(/\s/g, '').slice((SAME_BYTES / 3) * 4);
  return [body, Buffer.from(body, 'base64')];
}

/** Looks at what is no deeper than keys are: others decide how deep documents go. */
function walk(value: Json, name: string, take: (text: string, name: string) => void, depth = 8): void {
  if (typeof value === 'string') take(value, name);
  if (depth === 0) return;
  if (Array.isArray(value)) for (const one of value as readonly Json[]) walk(one, name, take, depth - 1);
  else if (isObject(value)) for (const [key, one] of Object.entries(value)) walk(one, key, take, depth - 1);
}
