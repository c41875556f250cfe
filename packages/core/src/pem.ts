import { byteKey } from './byte-key.ts';
import { SpiffeError } from './errors.ts';
import { kindOf, quote } from './quote.ts';

/** One block of a PEM text. */
export interface PemBlock {
  /** What stands after `BEGIN`, such as `CERTIFICATE`; `UNKNOWN` when it is no label that is in use anywhere. */
  readonly label: string;
  /** The decoded content. */
  readonly der: Uint8Array;
  /** Whether it says of itself that its content is encrypted. */
  readonly encrypted: boolean;
}

const BEGIN = /^-----BEGIN ([ -,.-~]+)-----$/;
// RFC 7468, and what OpenSSL and OpenSSH write. A damaged file can have anything there, a piece of its key for
// instance, so nothing else is ever repeated.
const LABELS: ReadonlySet<string> = new Set([
  'ATTRIBUTE CERTIFICATE',
  'CERTIFICATE',
  'CERTIFICATE REQUEST',
  'CMS',
  'DH PARAMETERS',
  'DSA PRIVATE KEY',
  'EC PARAMETERS',
  'EC PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'NEW CERTIFICATE REQUEST',
  'OPENSSH PRIVATE KEY',
  'PKCS7',
  'PRIVATE KEY',
  'PUBLIC KEY',
  'RSA PRIVATE KEY',
  'RSA PUBLIC KEY',
  'TRUSTED CERTIFICATE',
  'TSS2 PRIVATE KEY',
  'X509 CERTIFICATE',
  'X509 CRL',
]);
const END = /^-----END ([ -,.-~]+)-----$/;
const BOUNDARY = /-----(?:BEGIN|END)/;
const HEADER = /^[A-Za-z][A-Za-z0-9-]*:/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads every block of a PEM text, in order. Strict: each BEGIN has its END, nothing stands on their lines but
 * themselves, and content decodes without rest; text between blocks is a comment. A text without any block gives
 * an empty list.
 *
 * @param text - a string, or bytes in an encoding that extends ASCII. Lines end in LF or CRLF, maybe with blanks before.
 * @param options - `file` is named in errors.
 * @throws {@link SpiffeError} `ERR_PEM_INVALID`. The message names the line, never what is on it.
 */
export function parsePem(
  text: string | Uint8Array,
  options: { readonly file?: string | undefined } = {},
): readonly PemBlock[] {
  const lines = linesOf(text, options.file);
  const blocks: PemBlock[] = [];
  for (let index = 0; index < lines.length; index++) {
    const begun = BEGIN.exec(lines[index] ?? '')?.[1];
    // rule: pem.boundary-alone
    if (begun === undefined && BOUNDARY.test(lines[index] ?? '')) {
      throw broken('a boundary that is out of place or damaged', index, options.file);
    }
    if (begun === undefined) continue;
    const label = LABELS.has(begun) ? begun : 'UNKNOWN';
    const end = endOf(lines, index, label, options.file);
    blocks.push(readBlock(label, lines, index + 1, end, options.file));
    index = end;
  }
  return blocks;
}

/**
 * Writes one PEM block with a newline at its end.
 *
 * @internal
 */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  return `-----BEGIN ${label}-----\n${base64.replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}

function linesOf(text: unknown, file: string | undefined): string[] {
  if (typeof text === 'string') return text.split('\n').map((line) => line.trimEnd());
  if (text instanceof Uint8Array) return linesOf(byteKey(text), file);
  throw new SpiffeError(
    'ERR_PEM_INVALID',
    `want PEM text, got ${kindOf(text)}`,
    file === undefined ? {} : { file },
  );
}

/** The line of the END that belongs to the BEGIN on line `begin`. */
function endOf(lines: readonly string[], begin: number, label: string, file: string | undefined): number {
  const begun = BEGIN.exec(lines[begin] ?? '')?.[1];
  for (let index = begin + 1; index < lines.length; index++) {
    if (!BOUNDARY.test(lines[index] ?? '')) continue;
    const ended = END.exec(lines[index] ?? '')?.[1];
    // rule: pem.matching-end
    if (ended !== begun) throw broken(`want the END of ${quote(label)}`, index, file);
    return index;
  }
  throw broken(`${quote(label)} has no END: the text is cut off`, begin, file);
}

function readBlock(
  label: string,
  lines: readonly string[],
  begin: number,
  end: number,
  file: string | undefined,
): PemBlock {
  let start = begin;
  // RFC 1421 4.6: headers end at an empty line. Legacy encrypted keys have them.
  while (start < end && HEADER.test(lines[start] ?? '')) start++;
  const headers = lines.slice(begin, start);
  // rule: pem.headers-end
  if (headers.length > 0 && lines[start] !== '')
    throw broken('headers without an empty line after them', start, file);
  if (headers.length > 0) start++;
  const base64 = lines.slice(start, end).join('');
  const der = Buffer.from(base64, 'base64');
  // Decoding skips what it does not know, so only what encodes back to the same text was base64.
  // rule: pem.base64
  if (!BASE64.test(base64) || der.toString('base64') !== base64)
    throw broken(`${quote(label)} is not base64`, begin, file);
  // rule: pem.not-empty
  if (der.length === 0) throw broken(`${quote(label)} is empty`, begin, file);
  const encrypted =
    label === 'ENCRYPTED PRIVATE KEY' || headers.some((header) => /^Proc-Type:.*ENCRYPTED/i.test(header));
  return Object.freeze({ label, der, encrypted });
}

/** Lines count from one, as editors do. */
function broken(problem: string, index: number, file: string | undefined): SpiffeError {
  return new SpiffeError('ERR_PEM_INVALID', `broken PEM in line ${index + 1}: ${problem}`, {
    hint: 'Look whether the file was written completely, and whether it is PEM at all.',
    ...(file === undefined ? {} : { file }),
  });
}
