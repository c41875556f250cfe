import { DerReader, malformed, TAG } from './der-reader.ts';
import { type Extensions, readExtensions } from './extensions.ts';
import { readName } from './names.ts';
import { type PublicKeyInfo, readPublicKey } from './public-key.ts';
import { readTime } from './time.ts';

/** A certificate, read whole: everything that the rules of path validation look at. */
export interface CertificateFields {
  /** The signed part as it is encoded, with its header. */
  readonly signed: Buffer;
  /** The octets of the signature over it. */
  readonly signature: Buffer;
  readonly version: 1 | 2 | 3;
  /** Hexadecimal, without leading zeros; `0` for zero. */
  readonly serialNumber: string;
  /** Hexadecimal digits of the AlgorithmIdentifier, the same inside and outside of what is signed. */
  readonly signatureAlgorithm: string;
  /** Whole DER Names. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Milliseconds since the Unix epoch; both instants are inside. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKeyInfo;
  readonly extensions: Extensions;
}

/** The largest certificate that is read, in bytes. The largest post-quantum ones are a tenth of it. */
export const MOST_CERTIFICATE_BYTES = 65_536;

// RFC 5280 4.1.2.2
const MOST_SERIAL_OCTETS = 20;

/**
 * Reads a DER certificate (RFC 5280 4.1).
 *
 * @throws {@link SpiffeError} `ERR_CERTIFICATE_INVALID`.
 */
export function readCertificate(der: Buffer): CertificateFields {
  const outer = new DerReader(der);
  const certificate = outer.read(TAG.SEQUENCE, 'certificate');
  // rule: certificate.end
  outer.finish('certificate');
  const signed = certificate.element(TAG.SEQUENCE, 'signed part');
  const algorithm = certificate.element(TAG.SEQUENCE, 'signature algorithm');
  const signature = certificate.wholeBits('signature');
  // rule: certificate.signature-last
  certificate.finish('certificate');
  const fields = readSigned(signed, signature);
  // RFC 5280 4.1.1.2: the unsigned copy has to be the same.
  // rule: certificate.same-algorithm
  if (fields.signatureAlgorithm !== algorithm.toString('hex'))
    throw malformed('two different signature algorithms');
  return fields;
}

function readSigned(whole: Buffer, signature: Buffer): CertificateFields {
  const signed = new DerReader(whole).read(TAG.SEQUENCE, 'signed part');
  const version = readVersion(signed);
  const serialNumber = readSerialNumber(signed);
  const signatureAlgorithm = signed.element(TAG.SEQUENCE, 'signature algorithm').toString('hex');
  const issuer = readName(signed, 'issuer');
  const validity = signed.read(TAG.SEQUENCE, 'validity');
  const notBefore = readTime(validity, 'notBefore');
  const notAfter = readTime(validity, 'notAfter');
  // rule: certificate.validity-end
  validity.finish('validity');
  const subject = readName(signed, 'subject');
  const publicKey = readPublicKey(signed);
  const extensions = readExtensionsOf(signed, version);
  // Unique identifiers (RFC 5280 4.1.2.8), which no issuer may use, end here as bytes after the end.
  // rule: certificate.signed-end
  signed.finish('signed part');
  return {
    signed: whole,
    signature,
    version,
    serialNumber,
    signatureAlgorithm,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    extensions,
  };
}

function readVersion(signed: DerReader): 1 | 2 | 3 {
  if (signed.peek() !== 0xa0) return 1;
  const at = signed.position;
  const explicit = signed.read(0xa0, 'version');
  const version = explicit.count('version') + 1;
  // rule: certificate.version-end
  explicit.finish('version');
  // rule: certificate.version
  if (version !== 2 && version !== 3) throw malformed(`version ${version}`, at);
  return version;
}

function readSerialNumber(signed: DerReader): string {
  const at = signed.position;
  const octets = signed.integer('serial number');
  const digits = octets.toString('hex').replace(/^0+(?=.)/, '');
  // rule: certificate.serial-not-negative
  if ((octets[0] ?? 0) >= 0x80) throw malformed('a negative serial number', at);
  // rule: certificate.serial-length
  if (digits.length > 2 * MOST_SERIAL_OCTETS) throw malformed('a serial number of more than 20 octets', at);
  return digits;
}

function readExtensionsOf(signed: DerReader, version: number): Extensions {
  if (signed.peek() !== 0xa3) return {};
  // RFC 5280 4.1.2.9: only in version 3.
  // rule: certificate.extensions-need-v3
  if (version !== 3) throw malformed(`extensions in version ${version}`, signed.position);
  const explicit = signed.read(0xa3, 'extensions');
  const extensions = readExtensions(explicit.read(TAG.SEQUENCE, 'extensions'));
  // rule: certificate.extensions-end
  explicit.finish('extensions');
  return extensions;
}
