import { isUtf8 } from 'node:buffer';

import { DerReader, malformed, TAG } from './der-reader.ts';

/** The kinds of GeneralName (RFC 5280 4.2.1.6), by their context tag. */
export const NAME_KIND = {
  otherName: 0,
  email: 1,
  dns: 2,
  x400Address: 3,
  directory: 4,
  ediPartyName: 5,
  uri: 6,
  ip: 7,
  registeredId: 8,
} as const;

/** One alternative name of a certificate. */
export interface GeneralName {
  readonly kind: number;
  /** Its content; of a directory name, the whole DER Name. */
  readonly value: Buffer;
}

/** One attribute of a distinguished name. */
export interface NameAttribute {
  /** Hexadecimal digits. */
  readonly type: string;
  /** The tag of the value. */
  readonly tag: number;
  readonly value: Buffer;
}

const CONSTRUCTED = new Set<number>([
  NAME_KIND.otherName,
  NAME_KIND.x400Address,
  NAME_KIND.directory,
  NAME_KIND.ediPartyName,
]);
const ASCII_KINDS = new Set<number>([NAME_KIND.email, NAME_KIND.dns, NAME_KIND.uri]);

/** BIT STRING (for unique identifiers), Numeric-, Printable-, Teletex- and IA5String. */
const ONE_OCTET_STRINGS = new Set<number>([0x03, 0x12, 0x13, 0x14, 0x16]);

/** Reads a distinguished name and gives its whole DER, so that names compare byte for byte. */
export function readName(reader: DerReader, what: string): Buffer {
  const name = reader.element(TAG.SEQUENCE, what);
  attributesOf(name, what);
  return name;
}

/** Whether a distinguished name has no attribute. */
export function isEmptyName(name: Uint8Array): boolean {
  return name.length === 2;
}

/** The attributes of a distinguished name, as a list of relative names that each hold one or more. */
export function attributesOf(name: Buffer, what: string): readonly (readonly NameAttribute[])[] {
  const relativeNames = new DerReader(name).read(TAG.SEQUENCE, what);
  const found: NameAttribute[][] = [];
  while (!relativeNames.done) {
    const attributes = relativeNames.read(TAG.SET, what);
    // rule: name.no-empty-set
    if (attributes.done) throw malformed(`${what}: an empty relative name`, attributes.position);
    const relative: NameAttribute[] = [];
    while (!attributes.done) relative.push(readAttribute(attributes.read(TAG.SEQUENCE, what), what));
    found.push(relative);
  }
  return found;
}

/** Reads the names of a GeneralNames, of which there must be at least one. */
export function readGeneralNames(names: DerReader, what: string): readonly GeneralName[] {
  // rule: names.not-empty
  if (names.done) throw malformed(`${what}: an empty list of names`, names.position);
  const found: GeneralName[] = [];
  while (!names.done) found.push(readGeneralName(names, what));
  return found;
}

/** Reads one GeneralName. */
export function readGeneralName(names: DerReader, what: string): GeneralName {
  const at = names.position;
  const tag = names.peek();
  const kind = tag & 0x1f;
  const expected = 0x80 | (CONSTRUCTED.has(kind) ? 0x20 : 0) | kind;
  // rule: names.tag
  if (tag !== expected || kind > NAME_KIND.registeredId) throw malformed(`${what}: no kind of name`, at);
  if (kind === NAME_KIND.directory) {
    const explicit = names.read(tag, what);
    const value = readName(explicit, what);
    // rule: names.directory-end
    explicit.finish(what);
    return { kind, value };
  }
  const value = names.content(tag, what);
  // rule: names.ascii
  if (ASCII_KINDS.has(kind) && !value.every(isAscii))
    throw malformed(`${what}: a name that is not ASCII`, at);
  return { kind, value };
}

function readAttribute(attribute: DerReader, what: string): NameAttribute {
  const type = attribute.oid(what);
  const tag = attribute.peek();
  const at = attribute.position;
  const value = attribute.content(tag, what);
  // rule: name.text
  if (!isText(tag, value)) throw malformed(`${what}: text that is not of its type`, at);
  // rule: name.attribute-end
  attribute.finish(what);
  return { type, tag, value };
}

/** Whether a value is a string of a type that names use (RFC 5280 4.1.2.4), and rightly encoded. */
function isText(tag: number, value: Buffer): boolean {
  if (tag === TAG.UTF8_STRING) return isUtf8(value);
  if (tag === TAG.BMP_STRING) return value.length % 2 === 0 && everyUnit(value, 2);
  if (tag === TAG.UNIVERSAL_STRING) return value.length % 4 === 0 && everyUnit(value, 4);
  return ONE_OCTET_STRINGS.has(tag);
}

/** Whether each unit is a character of Unicode, of which surrogates are none. */
function everyUnit(value: Buffer, size: number): boolean {
  for (let index = 0; index < value.length; index += size) {
    const point = value.readUIntBE(index, size);
    if (point > 0x10_ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
  }
  return true;
}

function isAscii(octet: number): boolean {
  return octet < 0x80;
}
