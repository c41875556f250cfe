import { Buffer } from 'node:buffer';

/** A DER element, read with nothing of the kit. */
interface Element {
  readonly tag: number;
  readonly body: Buffer;
  readonly whole: Buffer;
}

export interface ReadExtension {
  readonly oid: string;
  /** The bytes of the critical flag; empty when it is absent. */
  readonly critical: string;
  readonly value: Buffer;
}

export interface ReadCertificate {
  readonly version: number | undefined;
  readonly innerAlgorithm: string;
  readonly outerAlgorithm: string;
  readonly issuer: string;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly extensions: readonly ReadExtension[];
  readonly signed: Buffer;
  readonly signature: Buffer;
  /** What follows the certificate. */
  readonly rest: Buffer;
}

/** Reads what node:crypto does not show. */
export function readCertificate(der: Uint8Array): ReadCertificate {
  const bytes = Buffer.from(der);
  const certificate = element(bytes);
  const [tbs, algorithm, signature] = children(certificate.body) as [Element, Element, Element];
  let fields = children(tbs.body);
  const version = fields[0]?.tag === 0xa0 ? children(fields[0].body)[0]?.body[0] : undefined;
  if (version !== undefined) fields = fields.slice(1);
  const [, inner, issuer, validity, subject] = fields as [Element, Element, Element, Element, Element];
  const [notBefore, notAfter] = children(validity.body) as [Element, Element];
  const list = fields.find(({ tag }) => tag === 0xa3);
  return {
    version,
    innerAlgorithm: inner.whole.toString('hex'),
    outerAlgorithm: algorithm.whole.toString('hex'),
    issuer: issuer.whole.toString('hex'),
    subject: subject.whole.toString('hex'),
    notBefore: notBefore.body.toString('latin1'),
    notAfter: notAfter.body.toString('latin1'),
    extensions: list === undefined ? [] : children(element(list.body).body).map(readExtension),
    signed: tbs.whole,
    signature: signature.body.subarray(1),
    rest: bytes.subarray(certificate.whole.length),
  };
}

/** The one extension with this OID (last arcs of 2.5.29 as a number, or hex of another), or undefined. */
export function extension(certificate: ReadCertificate, arc: number): ReadExtension | undefined {
  const oid = Buffer.from([0x55, 0x1d, arc]).toString('hex');
  return certificate.extensions.find((candidate) => candidate.oid === oid);
}

/** The general names in a subject alternative name extension, as `TAG text`. */
export function generalNames(value: Buffer): string[] {
  return children(element(value).body).map(
    ({ tag, body }) => `${tag.toString(16)} ${body.toString('latin1')}`,
  );
}

/** The bits of a key usage extension, as names. */
export function keyUsages(value: Buffer): string[] {
  const names = ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement'];
  names.push('keyCertSign', 'cRLSign');
  const bits = element(value).body[1] ?? 0;
  return names.filter((_, index) => (bits & (0x80 >> index)) !== 0);
}

function children(bytes: Buffer): Element[] {
  const list: Element[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const next = element(rest);
    list.push(next);
    rest = rest.subarray(next.whole.length);
  }
  return list;
}

function element(bytes: Buffer): Element {
  const tag = bytes.readUInt8(0);
  const first = bytes.readUInt8(1);
  const count = first < 0x80 ? 0 : first - 0x80;
  const length = count === 0 ? first : bytes.readUIntBE(2, count);
  const start = 2 + count;
  if (start + length > bytes.length) throw new Error('truncated DER');
  return { tag, body: bytes.subarray(start, start + length), whole: bytes.subarray(0, start + length) };
}

function readExtension({ body }: Element): ReadExtension {
  const parts = children(body);
  const flag = parts.length === 3 ? parts[1] : undefined;
  const value = parts.at(-1);
  return {
    oid: parts[0]?.body.toString('hex') ?? '',
    critical: flag?.body.toString('hex') ?? '',
    value: value?.body ?? Buffer.alloc(0),
  };
}
