import { type Blame, SpiffeError } from './errors.ts';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  kindOfJson,
  readJson,
} from './json-reader.ts';

/** The largest document about bundles that is read, in bytes. */
export const MOST_BUNDLE_BYTES: number = 10 * 1024 * 1024;
const MOST_KEYS = 10_000;

/** A JWK Set. */
export interface JwkSet {
  readonly members: JsonObject;
  readonly keys: readonly JsonValue[];
}

/** Reads a document about bundles, whose top is an object. @throws {@link SpiffeError} `ERR_BUNDLE_INVALID`. */
export function readBundleJson(json: string | Uint8Array, maxBytes: number): JsonObject {
  const value = readJson(json, { maxBytes, fail: (want, got) => badBundle(want, got) });
  if (!isJsonObject(value)) throw badBundle('an object', kindOfJson(value));
  return value;
}

/** Reads a JWK Set (RFC 7517 5). @throws {@link SpiffeError} `ERR_BUNDLE_INVALID`. */
export function readKeys(json: string | Uint8Array, maxBytes: number): JwkSet {
  return keysOf(readBundleJson(json, maxBytes));
}

/**
 * The keys of a JWK Set (RFC 7517 5, Trust Domain and Bundle 4.1.3).
 *
 * @param owner - whose bundle it is, for messages: ` of a.test`.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID`.
 */
export function keysOf(members: JsonObject, owner = ''): JwkSet {
  const keys = members.get('keys');
  if (!isJsonArray(keys)) throw badBundle(`an array as keys${owner}`, kindOfJson(keys));
  if (keys.length > MOST_KEYS) throw badBundle(`at most ${MOST_KEYS} keys${owner}`, `${keys.length}`);
  return { members, keys };
}

/** `ERR_BUNDLE_INVALID`: what was wanted in the document, and what came. */
export function badBundle(
  want: string,
  got: string,
  options: { readonly blame?: Blame; readonly cause?: unknown } = {},
): SpiffeError {
  return new SpiffeError('ERR_BUNDLE_INVALID', `a trust bundle: want ${want}, got ${got}`, {
    hint: 'Correct it where it is published; what is in use stays in use until then.',
    ...options,
  });
}
