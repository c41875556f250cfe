import { SpiffeError } from '../errors.ts';

/** Universal tags that certificates use (X.690 8.1.2, one byte each). */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  UNIVERSAL_STRING: 0x1c,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** Identifiers end up in messages, and a peer chooses them. */
const MOST_OID_OCTETS = 64;

/**
 * A cursor over strict DER: every value has one encoding, and any other is refused. It never recurses, never
 * copies, and throws nothing but `ERR_CERTIFICATE_INVALID`.
 */
export class DerReader {
  readonly bytes: Buffer;
  readonly end: number;
  position: number;
  /** Of the element whose header was read last. */
  #contentStart = 0;
  #contentEnd = 0;

  constructor(bytes: Buffer, position = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** Whether everything was read. */
  get done(): boolean {
    return this.position >= this.end;
  }

  /** The content that is left. */
  get rest(): Buffer {
    return this.bytes.subarray(this.position, this.end);
  }

  /** The tag that comes next; -1 at the end. */
  peek(): number {
    return this.done ? -1 : (this.bytes[this.position] ?? -1);
  }

  /** Goes past the next element, which must have this tag, and gives a reader over its content. */
  read(tag: number, what: string): DerReader {
    this.#skip(tag, what);
    return new DerReader(this.bytes, this.#contentStart, this.#contentEnd);
  }

  /** Goes past the next element, which must have this tag, and gives its content. */
  content(tag: number, what: string): Buffer {
    this.#skip(tag, what);
    return this.bytes.subarray(this.#contentStart, this.#contentEnd);
  }

  /** Goes past the next element, which must have this tag, and gives it whole, with its header. */
  element(tag: number, what: string): Buffer {
    const start = this.position;
    this.#skip(tag, what);
    return this.bytes.subarray(start, this.#contentEnd);
  }

  /** Nothing may be left. */
  finish(what: string): void {
    // rule: der.no-trailing-bytes
    if (!this.done) throw malformed(`${what}: bytes after its end`, this.position);
  }

  /** X.690 11.1: TRUE is 0xFF; FALSE is only ever a DEFAULT here, and X.690 11.5 leaves defaults out. */
  trueOrAbsent(what: string): boolean {
    if (this.peek() !== TAG.BOOLEAN) return false;
    const at = this.position;
    const value = this.content(TAG.BOOLEAN, what);
    // rule: der.boolean
    if (value.length !== 1 || value[0] !== 0xff)
      throw malformed(`${what}: a BOOLEAN that is not DER TRUE`, at);
    return true;
  }

  /** The content of an INTEGER, in two's complement. */
  integer(what: string): Buffer {
    const at = this.position;
    const value = this.content(TAG.INTEGER, what);
    // rule: der.integer-empty
    if (value.length === 0) throw malformed(`${what}: an INTEGER without content`, at);
    const second = value[1] ?? 0;
    const redundant = (value[0] === 0 && second < 0x80) || (value[0] === 0xff && second >= 0x80);
    // rule: der.integer-minimal
    if (value.length > 1 && redundant) throw malformed(`${what}: an INTEGER with padding`, at);
    return value;
  }

  /** An INTEGER from 0 to 2^31 - 1; anything larger counts as that. */
  count(what: string): number {
    const at = this.position;
    const value = this.integer(what);
    // rule: der.count-positive
    if ((value[0] ?? 0) >= 0x80) throw malformed(`${what}: a negative INTEGER`, at);
    return value.length > 4 ? 0x7fff_ffff : value.readUIntBE(0, value.length);
  }

  /** The bytes of a BIT STRING whose length is a whole number of bytes. */
  wholeBits(what: string): Buffer {
    const at = this.position;
    const value = this.content(TAG.BIT_STRING, what);
    // rule: der.bit-string-whole
    if (value[0] !== 0) throw malformed(`${what}: a BIT STRING that does not end at a byte`, at);
    return value.subarray(1);
  }

  /** A BIT STRING of flags, as a number whose bit n is flag n (X.690 11.2.2: without trailing zeros). */
  flags(what: string): number {
    const at = this.position;
    const value = this.content(TAG.BIT_STRING, what);
    const [unused = 8, ...octets] = value;
    const last = octets.at(-1) ?? 0;
    // rule: der.flags
    if (unused > 7 || octets.length > 4 || last === 0 || 31 - Math.clz32(last & -last) !== unused) {
      throw malformed(`${what}: flags that are empty or not DER`, at);
    }
    let flags = 0;
    for (const [index, octet] of octets.entries()) {
      for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) flags |= 1 << (index * 8 + bit);
    }
    return flags;
  }

  /** An OBJECT IDENTIFIER, as the hexadecimal digits of its content. */
  oid(what: string): string {
    const at = this.position;
    this.#skip(TAG.OID, what);
    // No view of the content is made: there are many of these in a certificate.
    const [bytes, start, end] = [this.bytes, this.#contentStart, this.#contentEnd];
    // rule: der.oid-length
    if (end - start > MOST_OID_OCTETS) throw malformed(`${what}: an endless OBJECT IDENTIFIER`, at);
    // rule: der.oid-whole
    if (end === start || (bytes[end - 1] ?? 0) >= 0x80)
      throw malformed(`${what}: a broken OBJECT IDENTIFIER`, at);
    let starts = true;
    for (let index = start; index < end; index++) {
      const octet = bytes[index] ?? 0;
      // rule: der.oid-minimal
      if (starts && octet === 0x80) throw malformed(`${what}: an OBJECT IDENTIFIER with padding`, at);
      starts = octet < 0x80;
    }
    return bytes.toString('hex', start, end);
  }

  /** Goes past the next element. Tags are of one byte, since none of more is ever asked for. */
  #skip(tag: number, what: string): void {
    const { bytes, position: at, end } = this;
    const found = this.peek();
    // rule: der.tag
    if (found !== tag)
      throw malformed(
        `${what}: want tag 0x${hex(tag)}, got ${found < 0 ? 'its end' : `0x${hex(found)}`}`,
        at,
      );
    let start = at + 2;
    let length = bytes[at + 1] ?? 0;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      // rule: der.definite-length
      if (octets === 0) throw malformed(`${what}: an indefinite length`, at);
      // rule: der.length-octets
      if (octets > 4 || start + octets > end) throw malformed(`${what}: a length beyond its container`, at);
      length = bytes.readUIntBE(start, octets);
      start += octets;
      // rule: der.minimal-length
      if (length < 0x80 || length < 2 ** (8 * (octets - 1))) throw malformed(`${what}: a padded length`, at);
    }
    // rule: der.length-inside
    if (start + length > end) throw malformed(`${what}: a length beyond its container`, at);
    this.#contentStart = start;
    this.#contentEnd = start + length;
    this.position = this.#contentEnd;
  }
}

/** The error for bytes that are no certificate. */
export function malformed(problem: string, offset?: number): SpiffeError {
  const where = offset === undefined ? '' : ` (offset ${offset})`;
  return new SpiffeError('ERR_CERTIFICATE_INVALID', `not a DER certificate: ${problem}${where}`);
}

function hex(tag: number): string {
  return tag.toString(16).padStart(2, '0');
}
