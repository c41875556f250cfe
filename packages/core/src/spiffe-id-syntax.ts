import { SpiffeError, type SpiffeErrorCode } from './errors.ts';
import { kindOf, quote } from './quote.ts';

/** SPIFFE-ID 2: the scheme, and what separates it from the trust domain. */
export const PREFIX = 'spiffe://';

/** SPIFFE-ID 2.3, in bytes. Only ASCII is legal, so in accepted text one UTF-16 unit is one byte. */
export const LONGEST_ID = 2048;
const LONGEST_TRUST_DOMAIN = 255;

const SLASH = 0x2f;
const DOT = 0x2e;

/** The two parts of a SPIFFE ID, as they stand in the text. */
export interface IdParts {
  readonly trustDomain: string;
  /** Empty, or `/` and one or more segments. */
  readonly path: string;
}

/**
 * Reads a SPIFFE ID character by character. Never a WHATWG `URL`, which repairs what has to be refused: it folds
 * dot segments, strips white space, drops an empty port and escapes bytes.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function readId(text: unknown): IdParts {
  const what = 'SPIFFE ID';
  requireString(text, what);
  if (text === '') throw invalid(what, text, 'it is empty');
  if (text.length > LONGEST_ID) {
    throw tooLong(`want a SPIFFE ID of at most ${LONGEST_ID} bytes, got ${text.length}`, text);
  }
  requireScheme(text);
  const slash = text.indexOf('/', PREFIX.length);
  const end = slash === -1 ? text.length : slash;
  checkTrustDomain(text, PREFIX.length, end, what);
  checkSegments(text, end, what);
  return { trustDomain: text.slice(PREFIX.length, end), path: text.slice(end) };
}

/**
 * Checks a bare trust domain name.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function requireTrustDomainName(text: string): void {
  checkTrustDomain(text, 0, text.length, 'trust domain name');
}

/**
 * Checks the path of a SPIFFE ID: empty, or `/` and segments.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`.
 */
export function requirePath(path: unknown): asserts path is string {
  const what = 'SPIFFE ID path';
  requireString(path, what);
  if (path !== '' && path.charCodeAt(0) !== SLASH) throw invalid(what, path, 'it does not start with "/"', 0);
  checkSegments(path, 0, what);
}

/**
 * Checks one path segment, without a slash.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`.
 */
export function requireSegment(segment: unknown): asserts segment is string {
  const what = 'SPIFFE ID path segment';
  requireString(segment, what);
  if (segment === '') throw invalid(what, segment, 'it is empty');
  checkSegmentCharacters(segment, 0, segment.length, what);
}

/** Refuses what is not a string: callers without types pass configuration that may be missing. */
export function requireString(text: unknown, what: string): asserts text is string {
  if (typeof text === 'string') return;
  throw new SpiffeError('ERR_ID_INVALID', `want a ${what} as a string, got ${kindOf(text)}`);
}

function requireScheme(text: string): void {
  if (text.startsWith(PREFIX)) return;
  let offset = 0;
  while (text.charCodeAt(offset) === PREFIX.charCodeAt(offset)) offset++;
  // SPIFFE-ID 2.1 wants lower case where 2.4 calls the scheme case-insensitive: strict here, lenient by name.
  const upperCase = text.slice(0, PREFIX.length).toLowerCase() === PREFIX;
  throw invalid(
    'SPIFFE ID',
    text,
    upperCase ? 'its scheme is not in lower case' : `it does not start with "${PREFIX}"`,
    offset,
    upperCase ? 'Write the scheme in lower case, or read it with parseSpiffeIdLenient.' : undefined,
  );
}

function checkTrustDomain(text: string, start: number, end: number, what: string): void {
  if (start === end) throw invalid(what, text, 'its trust domain is empty', start);
  for (let index = start; index < end; index++) {
    // SPIFFE-ID 2.1: [a-z0-9.-_] and nothing about DNS labels or IP addresses.
    if (!isTrustDomainCharacter(text.charCodeAt(index))) throw badTrustDomain(text, index, what);
  }
  if (end - start > LONGEST_TRUST_DOMAIN) {
    throw tooLong(`want a trust domain of at most ${LONGEST_TRUST_DOMAIN} bytes, got ${end - start}`, text);
  }
}

function checkSegments(text: string, start: number, what: string): void {
  let from = start;
  while (from < text.length) {
    const slash = text.indexOf('/', from + 1);
    const end = slash === -1 ? text.length : slash;
    if (end === from + 1) {
      // SPIFFE-ID 2.2: neither an empty segment nor a trailing slash.
      throw invalid(what, text, slash === -1 ? 'it ends with "/"' : 'its path has an empty segment', from);
    }
    checkSegmentCharacters(text, from + 1, end, what);
    from = end;
  }
}

function checkSegmentCharacters(text: string, start: number, end: number, what: string): void {
  for (let index = start; index < end; index++) {
    if (!isSegmentCharacter(text.charCodeAt(index))) throw badPath(text, index, what);
  }
  // SPIFFE-ID 2.2: no segment is "." or "..", which some reader would resolve.
  const dots = text.charCodeAt(start) === DOT && text.charCodeAt(end - 1) === DOT;
  if (dots && end - start <= 2) throw invalid(what, text, 'its path has a "." or ".." segment', start);
}

function isTrustDomainCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === DOT ||
    code === 0x2d ||
    code === 0x5f
  );
}

/** SPIFFE-ID 2.2: what a path segment may consist of. */
function isSegmentCharacter(code: number): boolean {
  return isTrustDomainCharacter(code) || (code >= 0x41 && code <= 0x5a);
}

function badTrustDomain(text: string, offset: number, what: string): SpiffeError {
  const character = text.charAt(offset);
  if (character >= 'A' && character <= 'Z') {
    const hint = 'Write the trust domain in lower case, or read it with parseSpiffeIdLenient.';
    return invalid(what, text, 'its trust domain is not in lower case', offset, hint);
  }
  const meaning: Readonly<Record<string, string>> = {
    ...URI_PARTS,
    '@': 'it has user information before the trust domain',
    ':': 'it has a port (or an IPv6 address) in the trust domain',
    '[': 'it has an IPv6 address as trust domain',
  };
  const defect = meaning[character] ?? `its trust domain has the illegal character ${quote(character)}`;
  return invalid(what, text, defect, offset);
}

function badPath(text: string, offset: number, what: string): SpiffeError {
  const character = text.charAt(offset);
  const defect = URI_PARTS[character] ?? `its path has the illegal character ${quote(character)}`;
  return invalid(what, text, defect, offset);
}

// SPIFFE-ID 2, 2.1, 2.2: parts of a URI that a SPIFFE ID never has, not even empty ones.
const URI_PARTS: Readonly<Record<string, string>> = {
  '?': 'it has a query',
  '#': 'it has a fragment',
  '%': 'it is percent-encoded',
};

function invalid(what: string, text: string, defect: string, offset?: number, hint?: string): SpiffeError {
  const where = offset === undefined ? '' : ` at offset ${offset}`;
  return failure('ERR_ID_INVALID', `want a ${what}, got ${quote(text)}: ${defect}${where}`, hint);
}

function tooLong(message: string, text: string): SpiffeError {
  return failure('ERR_ID_TOO_LONG', `${message}: ${quote(text)}`);
}

function failure(code: SpiffeErrorCode, message: string, hint?: string): SpiffeError {
  return new SpiffeError(code, message, hint === undefined ? {} : { hint });
}
