/** Writes DER for tests, and on request what is no DER: it shares nothing with the reader it tests. */

/** One element with a short or long definite length. */
export function element(tag: number, ...content: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(
    content.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)),
  );
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

export const sequence = (...content: readonly Buffer[]): Buffer => element(0x30, ...content);
export const set = (...content: readonly Buffer[]): Buffer => element(0x31, ...content);
export const octets = (content: Buffer): Buffer => element(0x04, content);
export const bits = (content: Buffer, unused = 0): Buffer => element(0x03, Buffer.from([unused]), content);
export const isTrue = (): Buffer => element(0x01, 'ff');
export const text = (tag: number, value: string): Buffer => element(tag, Buffer.from(value, 'utf8'));

/** An INTEGER that is not negative. */
export function integer(value: number | bigint): Buffer {
  const digits = value.toString(16);
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`;
  return element(0x02, Number.parseInt(hex.slice(0, 2), 16) >= 0x80 ? `00${hex}` : hex);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A distinguished name with one common name; the empty name for an empty text. */
export function name(commonName: string): Buffer {
  return commonName === '' ? sequence() : sequence(set(sequence(oid('2.5.4.3'), text(0x0c, commonName))));
}

/** A Time as RFC 5280 wants it. */
export function time(ms: number): Buffer {
  const stamp = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return new Date(ms).getUTCFullYear() < 2050 ? text(0x17, stamp.slice(2)) : text(0x18, stamp);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const hex = length.toString(16);
  const digits = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([0x80 | digits.length]), digits]);
}

function base128(arc: number): number[] {
  const low = [arc & 0x7f];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
    low.unshift(0x80 | (rest & 0x7f));
  return low;
}
