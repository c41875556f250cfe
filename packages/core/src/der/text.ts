/** How the string types of names are encoded. */
const DECODERS: Readonly<Record<number, (value: Buffer) => string>> = {
  0x0c: (value) => new TextDecoder('utf-8', { fatal: true }).decode(value),
  0x12: (value) => value.toString('latin1'),
  0x13: (value) => value.toString('latin1'),
  0x14: (value) => value.toString('latin1'),
  0x16: (value) => value.toString('latin1'),
  0x1c: (value) =>
    String.fromCodePoint(...Array.from({ length: value.length / 4 }, (_, i) => value.readUInt32BE(i * 4))),
  0x1e: (value) => Buffer.from(value).swap16().toString('utf16le'),
};

/** The text of a string of a name; undefined when the type is none of names. Throws when the encoding is wrong. */
export function decodeText(tag: number, value: Buffer): string | undefined {
  return DECODERS[tag]?.(value);
}
