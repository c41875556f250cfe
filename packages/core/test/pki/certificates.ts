import { bits, element, integer, isTrue, name, octets, oid, sequence, text, time } from './der.ts';
import { type TestKey } from './keys.ts';

/** A certificate that was issued, and the key it is for. */
export interface Issued {
  readonly der: Buffer;
  readonly key: TestKey;
  /** DER Name. */
  readonly subject: Buffer;
}

/** Whole extensions by what they are; undefined leaves one out. */
export type ExtensionSet = Readonly<Record<string, Buffer | undefined>>;

/** How a certificate differs from an ordinary one. */
export interface CertificateOptions {
  readonly key: TestKey;
  /** Common name, or a whole DER Name. */
  readonly subject?: string | Buffer;
  /** Default: itself. */
  readonly issuer?: { readonly key: TestKey; readonly subject: Buffer };
  /** Instead of the one of `issuer`. */
  readonly issuerName?: Buffer;
  /** A number, or a whole INTEGER. */
  readonly serial?: number | Buffer;
  /** Milliseconds, or a whole Time. */
  readonly notBefore?: number | Buffer;
  readonly notAfter?: number | Buffer;
  /** The whole version element; null leaves it out, which means 1. */
  readonly version?: Buffer | null;
  readonly extensions?: ExtensionSet;
  /** Of the signed part, in place of the algorithm of the issuer's key. */
  readonly innerAlgorithm?: Buffer;
  /** Elements after the extensions. */
  readonly after?: Buffer;
  /** Changes the signed part before it is signed. */
  readonly edit?: (signed: Buffer) => Buffer;
}

/** When everything happens, unless a test says otherwise. */
export const NOW: number = Date.UTC(2026, 5, 1);
const DAY = 86_400_000;

/** Issues a certificate with exactly the extensions given. */
function issue(options: CertificateOptions): Issued {
  const {
    key,
    notBefore = NOW - DAY,
    notAfter = NOW + DAY,
    serial = 7,
    version = element(0xa0, integer(2)),
  } = options;
  const subject =
    typeof options.subject === 'string' ? name(options.subject) : (options.subject ?? name('leaf'));
  const issuer = options.issuer ?? { key, subject };
  const extensions = Object.values(options.extensions ?? {}).filter((one) => one !== undefined);
  const signed = sequence(
    ...(version === null ? [] : [version]),
    typeof serial === 'number' ? integer(serial) : serial,
    options.innerAlgorithm ?? issuer.key.algorithm,
    options.issuerName ?? issuer.subject,
    sequence(asTime(notBefore), asTime(notAfter)),
    subject,
    key.spki,
    ...(extensions.length === 0 ? [] : [element(0xa3, sequence(...extensions))]),
    ...(options.after === undefined ? [] : [options.after]),
  );
  const edited = options.edit?.(signed) ?? signed;
  const der = sequence(edited, issuer.key.algorithm, bits(issuer.key.sign(edited)));
  return { der, key, subject };
}

/** Issues a CA certificate as SPIFFE wants it; `extensions` are changes to that. */
export function issueCa(options: CertificateOptions): Issued {
  const extensions = {
    basicConstraints: basicConstraints({}),
    keyUsage: keyUsage(5, 6),
    subjectKeyId: subjectKeyId(options.key.keyId),
    ...(options.issuer === undefined ? {} : { authorityKeyId: authorityKeyId(options.issuer.key.keyId) }),
    ...options.extensions,
  };
  return issue({ subject: 'ca', ...options, extensions });
}

/** Issues an X.509-SVID; `extensions` are changes to an ordinary one. */
export function issueSvid(id: string, options: CertificateOptions): Issued {
  const extensions = {
    keyUsage: keyUsage(0),
    extendedKeyUsage: extendedKeyUsage('1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'),
    ...(options.issuer === undefined ? {} : { authorityKeyId: authorityKeyId(options.issuer.key.keyId) }),
    subjectAltName: subjectAltName([uri(id)]),
    ...options.extensions,
  };
  return issue({ ...options, extensions });
}

export function extension(dotted: string, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(dotted), ...(isCritical ? [isTrue()] : []), octets(value));
}

export function basicConstraints(options: { ca?: boolean; pathLength?: number; critical?: boolean }): Buffer {
  const { ca = true, pathLength, critical = true } = options;
  const content = [...(ca ? [isTrue()] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])];
  return extension('2.5.29.19', sequence(...content), critical);
}

/** Bit numbers of RFC 5280 4.2.1.3: 0 digitalSignature, 5 keyCertSign, 6 cRLSign. */
export function keyUsage(...usages: readonly number[]): Buffer {
  const highest = Math.max(...usages);
  const octet = usages.reduce((sum, usage) => sum | (0x80 >> usage), 0);
  return extension('2.5.29.15', bits(Buffer.from([octet]), 7 - highest), true);
}

export function extendedKeyUsage(...purposes: readonly string[]): Buffer {
  return extension('2.5.29.37', sequence(...purposes.map(oid)));
}

export function subjectAltName(names: readonly Buffer[], isCritical = false): Buffer {
  return extension('2.5.29.17', sequence(...names), isCritical);
}

export const subjectKeyId = (id: Buffer): Buffer => extension('2.5.29.14', octets(id));
export const authorityKeyId = (id: Buffer): Buffer => extension('2.5.29.35', sequence(element(0x80, id)));
export const uri = (value: string): Buffer => text(0x86, value);
export const dns = (value: string): Buffer => text(0x82, value);
export const email = (value: string): Buffer => text(0x81, value);
export const ip = (...octetValues: readonly number[]): Buffer => element(0x87, Buffer.from(octetValues));
export const directory = (value: Buffer): Buffer => element(0xa4, value);

export function nameConstraints(
  trees: { permitted?: readonly Buffer[]; excluded?: readonly Buffer[] },
  isCritical = true,
): Buffer {
  const { permitted = [], excluded = [] } = trees;
  const value = sequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded));
  return extension('2.5.29.30', value, isCritical);
}

function subtrees(tag: number, names: readonly Buffer[]): readonly Buffer[] {
  return names.length === 0 ? [] : [element(tag, ...names.map((one) => sequence(one)))];
}

function asTime(value: number | Buffer): Buffer {
  return typeof value === 'number' ? time(value) : value;
}
