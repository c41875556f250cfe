import { type JsonObject, type JsonValue, isJsonObject, kindOfJson, readJson } from '../json-reader.ts';
import { kindOf, quote } from '../quote.ts';
import { isJwtAlgorithm, type JwtAlgorithm } from './jws-algorithms.ts';
import { type TokenError } from './token-error.ts';

/** A signed token, taken apart. Nothing about it is proven. */
export interface CompactJws {
  /** The token, as it came. */
  readonly token: string;
  readonly algorithm: JwtAlgorithm;
  /** Which key it says to be signed with; undefined when it says nothing. */
  readonly keyId: string | undefined;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** How {@link readCompactJws} reads. */
export interface CompactJwsOptions {
  /** What may stand as `typ`, byte for byte; undefined among them: it may be left out. */
  readonly types: ReadonlySet<string | undefined>;
  /** Makes the errors. */
  readonly fail: TokenError;
  /** Whether headers beside `alg`, `kid` and `typ` are refused. */
  readonly isStrict: boolean;
  /** Whether a token without `kid` is refused. */
  readonly needsKeyId: boolean;
}

/** What Node.js takes as all headers of a request together. */
const MOST_CHARACTERS = 16_384;
const EMPTY = new Uint8Array();
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** JWT-SVID 2, WIT-SVID 2: what a token of a good issuer has. */
const HEADERS: ReadonlySet<string> = new Set(['alg', 'kid', 'typ']);
/** RFC 7515 4.1.11, RFC 7797: they change what a signature means, and we know no such change. */
const MEANING_CHANGERS = ['crit', 'b64'] as const;

/**
 * Takes a token in compact serialization apart, strictly: three parts of canonical base64url, a header and claims that
 * are JSON objects without a member that stands twice, one of the nine algorithms.
 *
 * @throws {@link SpiffeError} `ERR_JWT_MALFORMED`, `ERR_JWT_TOO_LONG`, `ERR_JWT_HEADER`, `ERR_JWT_ALGORITHM`,
 * `ERR_JWT_KEY`.
 * @see JWT-SVID 2, 5.1; WIT-SVID 2
 */
export function readCompactJws(token: unknown, options: CompactJwsOptions): CompactJws {
  const { fail } = options;
  if (typeof token !== 'string') throw fail('ERR_JWT_MALFORMED', 'a token as text', kindOf(token));
  // Before anything is looked at, so that looking costs little.
  if (token.length > MOST_CHARACTERS) {
    throw fail('ERR_JWT_TOO_LONG', `at most ${MOST_CHARACTERS} characters`, `${token.length}`);
  }
  const parts = token.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) throw fail('ERR_JWT_MALFORMED', 'three parts', `${parts.length}`);
  const readHeader = readObject('header', decode('header', header, fail), fail);
  // The algorithm decides what everything else means (JWT-SVID 2.1: before any other processing).
  const algorithm = readAlgorithm(readHeader.get('alg'), fail);
  checkType(readHeader.get('typ'), options);
  for (const name of MEANING_CHANGERS) {
    if (readHeader.has(name)) throw fail('ERR_JWT_HEADER', `a header without ${name}`, 'one with it');
  }
  const keyId = readHeader.get('kid');
  if (keyId !== undefined && typeof keyId !== 'string') {
    throw fail('ERR_JWT_HEADER', 'text as kid', kindOfJson(keyId));
  }
  // JWT-SVID 2.2 leaves it open for tokens.
  if (keyId === undefined && options.needsKeyId) throw fail('ERR_JWT_KEY', 'kid in the header', 'none');
  const stranger = options.isStrict ? [...readHeader.keys()].find((name) => !HEADERS.has(name)) : undefined;
  if (stranger !== undefined) {
    throw fail('ERR_JWT_HEADER', 'no header but alg, kid and typ', quote(stranger));
  }
  // An empty payload is one to a signature; that it has no claims shows when they are read.
  return {
    token,
    algorithm,
    keyId,
    payload: payload === '' ? EMPTY : decode('payload', payload, fail),
    signature: decode('signature', signature, fail),
  };
}

function readAlgorithm(alg: JsonValue | undefined, fail: TokenError): JwtAlgorithm {
  if (isJwtAlgorithm(alg)) return alg;
  const got = typeof alg === 'string' ? quote(alg) : kindOfJson(alg);
  throw fail('ERR_JWT_ALGORITHM', 'RS, PS or ES with 256, 384 or 512 as alg', got);
}

/** JWT-SVID 2.3, WIT-SVID 2.2: these texts, in this case. */
function checkType(typ: JsonValue | undefined, { types, fail }: CompactJwsOptions): void {
  if ((typ === undefined || typeof typ === 'string') && types.has(typ)) return;
  const wanted = [...types].filter((one) => typeof one === 'string').join(' or ');
  throw fail('ERR_JWT_HEADER', `${wanted} as typ`, typeof typ === 'string' ? quote(typ) : kindOfJson(typ));
}

/**
 * Reads a part of a token that is a JSON object.
 *
 * @throws {@link SpiffeError} `ERR_JWT_MALFORMED`.
 */
export function readObject(name: 'header' | 'payload', bytes: Uint8Array, fail: TokenError): JsonObject {
  const value = readJson(bytes, {
    maxBytes: MOST_CHARACTERS,
    fail: (want, got) => fail('ERR_JWT_MALFORMED', `${want} in the ${name}`, got),
  });
  if (isJsonObject(value)) return value;
  throw fail('ERR_JWT_MALFORMED', `an object as ${name}`, kindOfJson(value));
}

/** RFC 7515 2, RFC 4648 3.5: without padding, blanks or bits that mean nothing. */
function decode(name: string, text: string, fail: TokenError): Uint8Array {
  const bytes = Buffer.from(text, 'base64url');
  if (BASE64URL.test(text) && bytes.toString('base64url') === text) return bytes;
  throw fail('ERR_JWT_MALFORMED', `base64url as ${name}`, text === '' ? 'nothing' : 'text that is none');
}
