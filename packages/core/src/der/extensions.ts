import { type DerReader, malformed, TAG } from './der-reader.ts';
import { type GeneralName, readGeneralName, readGeneralNames } from './names.ts';
import { dotted, OID } from './object-identifiers.ts';

/** Bits of KeyUsage (RFC 5280 4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0x01, keyCertSign: 0x20, cRLSign: 0x40 } as const;

/** Subtrees that a CA confines the names below it to (RFC 5280 4.2.1.10). */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** What the extensions of a certificate say; undefined where one is absent. */
export interface Extensions {
  basicConstraints?: { readonly ca: boolean; readonly pathLength: number | undefined };
  /** Bit n is usage n, see {@link KEY_USAGE}. */
  keyUsage?: number;
  keyUsageCritical?: boolean;
  /** Object identifiers, hexadecimal. */
  extendedKeyUsage?: readonly string[];
  alternativeNames?: readonly GeneralName[];
  alternativeNamesCritical?: boolean;
  /** Hexadecimal. */
  subjectKeyId?: string;
  /** Hexadecimal. */
  authorityKeyId?: string;
  nameConstraints?: NameConstraints;
  /** The first critical extension that is not among these, in dotted form. */
  unknownCritical?: string;
}

// Extensions in one certificate, of which a peer decides how many it sends.
const MOST_EXTENSIONS = 64;

/** Reads Extensions (RFC 5280 4.1.2.9). Each appears once. */
export function readExtensions(list: DerReader): Extensions {
  // rule: extensions.not-empty
  if (list.done) throw malformed('an empty list of extensions', list.position);
  const found: Extensions = {};
  const seen = new Set<string>();
  while (!list.done) {
    const at = list.position;
    const extension = list.read(TAG.SEQUENCE, 'extension');
    const oid = extension.oid('extension');
    const critical = extension.trueOrAbsent('extension');
    const value = extension.read(TAG.OCTET_STRING, 'extension');
    // rule: extensions.extension-end
    extension.finish('extension');
    // rule: extensions.unique
    if (seen.has(oid)) throw malformed(`extension ${dotted(oid)} twice`, at);
    // rule: extensions.count
    if (seen.size === MOST_EXTENSIONS) throw malformed(`more than ${MOST_EXTENSIONS} extensions`, at);
    seen.add(oid);
    readExtension(found, oid, critical, value);
  }
  return found;
}

function readExtension(found: Extensions, oid: string, critical: boolean, value: DerReader): void {
  switch (oid) {
    case OID.basicConstraints:
      found.basicConstraints = readBasicConstraints(value);
      break;
    case OID.keyUsage:
      found.keyUsage = value.flags('key usage');
      found.keyUsageCritical = critical;
      break;
    case OID.extendedKeyUsage:
      found.extendedKeyUsage = readExtendedKeyUsage(value);
      break;
    case OID.subjectAltName:
      found.alternativeNames = readSequenceOfNames(value);
      found.alternativeNamesCritical = critical;
      break;
    case OID.subjectKeyIdentifier:
      found.subjectKeyId = value.content(TAG.OCTET_STRING, 'subject key identifier').toString('hex');
      break;
    case OID.authorityKeyIdentifier:
      setAuthorityKeyId(found, value);
      break;
    case OID.nameConstraints:
      found.nameConstraints = readNameConstraints(value);
      break;
    default:
      if (critical) found.unknownCritical ??= dotted(oid);
      return;
  }
  // rule: extensions.value-end
  value.finish('extension');
}

function readBasicConstraints(value: DerReader): { ca: boolean; pathLength: number | undefined } {
  const what = 'basic constraints';
  const content = value.read(TAG.SEQUENCE, what);
  const ca = content.trueOrAbsent(what);
  const pathLength = content.done ? undefined : content.count(what);
  // rule: extensions.basic-constraints-end
  content.finish(what);
  // RFC 5280 4.2.1.9: a path length only together with cA.
  // rule: extensions.path-length-of-ca
  if (!ca && pathLength !== undefined) throw malformed(`${what}: a path length without cA`, content.position);
  return { ca, pathLength };
}

function readExtendedKeyUsage(value: DerReader): readonly string[] {
  const what = 'extended key usage';
  const purposes = value.read(TAG.SEQUENCE, what);
  // rule: extensions.eku-not-empty
  if (purposes.done) throw malformed(`${what}: an empty list`, purposes.position);
  const found: string[] = [];
  while (!purposes.done) found.push(purposes.oid(what));
  return found;
}

function readSequenceOfNames(value: DerReader): readonly GeneralName[] {
  const what = 'subject alternative names';
  return readGeneralNames(value.read(TAG.SEQUENCE, what), what);
}

/** Only the key identifier is of use, and only as a hint; issuer and serial number are read past. */
function setAuthorityKeyId(found: Extensions, value: DerReader): void {
  const what = 'authority key identifier';
  const content = value.read(TAG.SEQUENCE, what);
  if (content.peek() === 0x80) found.authorityKeyId = content.content(0x80, what).toString('hex');
  if (content.peek() === 0xa1) readGeneralNames(content.read(0xa1, what), what);
  if (content.peek() === 0x82) content.content(0x82, what);
  // rule: extensions.authority-key-id-end
  content.finish(what);
}

function readNameConstraints(value: DerReader): NameConstraints {
  const what = 'name constraints';
  const content = value.read(TAG.SEQUENCE, what);
  // RFC 5280 4.2.1.10: never an empty sequence.
  // rule: extensions.constraints-not-empty
  if (content.done) throw malformed(`${what}: an empty sequence`, content.position);
  const permitted = content.peek() === 0xa0 ? readSubtrees(content.read(0xa0, what)) : [];
  const excluded = content.peek() === 0xa1 ? readSubtrees(content.read(0xa1, what)) : [];
  // rule: extensions.constraints-end
  content.finish(what);
  return { permitted, excluded };
}

function readSubtrees(list: DerReader): readonly GeneralName[] {
  const what = 'name constraints';
  // rule: extensions.subtrees-not-empty
  if (list.done) throw malformed(`${what}: an empty list of subtrees`, list.position);
  const found: GeneralName[] = [];
  while (!list.done) {
    const subtree = list.read(TAG.SEQUENCE, what);
    found.push(readGeneralName(subtree, what));
    // RFC 5280 4.2.1.10: minimum is zero, which DER leaves out, and maximum is absent.
    // rule: extensions.subtree-end
    subtree.finish(what);
  }
  return found;
}
