import { type Certificate } from '../src/certificate.ts';
import { type CertificateFields, readCertificate } from '../src/der/certificate-fields.ts';
import { OID } from '../src/der/object-identifiers.ts';

/** A chain that we accept and OpenSSL does not. */
interface Disagreement {
  /** What OpenSSL says when it gets nothing but the path we found: the cause, where it is not the choice of path. */
  readonly openssl: string;
  /** What we found: the leaf first, the anchor last. */
  readonly path: readonly Certificate[];
  /** Everything else that could have been on a path. */
  readonly others: readonly Certificate[];
  readonly role: 'client' | 'server';
}

/** A class of chains that we accept on purpose although OpenSSL does not. */
export interface OracleException {
  readonly name: string;
  readonly reason: string;
  readonly matches: (disagreement: Disagreement) => boolean;
}

/** What certificates of a chain have in them that we are stricter about, whichever reason was told first. */
export type Trait =
  | 'does not parse'
  | 'anchor left out'
  | 'weak signature'
  | 'weak key'
  | 'serial zero'
  | 'leaf is an issuer'
  | 'names nearly alike'
  | 'DNS constraints';

/** A chain that OpenSSL accepts and we do not. */
interface Refusal {
  readonly code: string;
  readonly traits: ReadonlySet<Trait>;
}

/** A rule of ours that is stricter than OpenSSL, and meant to be. */
export interface StricterRule {
  readonly name: string;
  readonly reason: string;
  readonly matches: (refusal: Refusal) => boolean;
}

/** The extension authorityKeyIdentifier, when it does not start with a key identifier. */
const ISSUER_OR_SERIAL = /0603551d2304..30..(82|a1)/;
const NO_ISSUER =
  /^(UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED)/;

/** Of several paths one reason is told, and it need not be that of the path OpenSSL takes. */
const NO_PATH = new Set(['ERR_CHAIN_UNTRUSTED', 'ERR_CHAIN_EXPIRED', 'ERR_CHAIN_NOT_YET_VALID']);

/** At most 20 of these. Each is narrow: it names what OpenSSL says and what on the path makes it say so. */
export const ORACLE_EXCEPTIONS: readonly OracleException[] = [
  {
    name: 'key identifier',
    reason:
      'A wrong authority key identifier makes OpenSSL pass over an issuer. For us it is a hint (RFC 5280 4.2.1.1): name and signature decide.',
    matches: ({ openssl, path }) =>
      NO_ISSUER.test(openssl) && links(path).some(([low, high]) => hasWrongKeyId(low, high)),
  },
  {
    name: 'any purpose',
    reason:
      'OpenSSL does not take anyExtendedKeyUsage for client or server authentication. RFC 5280 4.2.1.12 says that it does not restrict.',
    matches: ({ openssl, path, role }) =>
      openssl.startsWith('INVALID_PURPOSE') && path.some((one) => hasOnlyAnyPurposeFor(one, role)),
  },
  {
    name: 'looks self-signed',
    reason:
      'OpenSSL stops at a certificate whose subject is its issuer, unless key identifiers differ. It is self-issued, not self-signed, and another key of that name did sign it.',
    matches: ({ openssl, path }) => NO_ISSUER.test(openssl) && path.slice(0, -1).some(looksSelfSigned),
  },
  {
    name: 'another path',
    reason:
      'Two issuers have one name. OpenSSL takes the first that looks right and does not come back; we try the other when that leads nowhere. Shown our path alone, OpenSSL accepts it.',
    matches: ({ openssl, path, others }) =>
      (openssl === 'OK' && hasNamesakes(path, others)) ||
      // Where both are on our path, the one OpenSSL takes first did not sign.
      (openssl.startsWith('CERT_SIGNATURE_FAILURE') && hasNamesakes(path, path)),
  },
];

/** Where we refuse and OpenSSL does not, one of these is why. */
export const STRICTER_RULES: readonly StricterRule[] = [
  {
    name: 'SPIFFE ID',
    reason: 'X509-SVID 2, 5.2: one URI name, and it is a SPIFFE ID with a path.',
    matches: ({ code }) => code === 'ERR_CHAIN_ID',
  },
  {
    name: 'trust domain',
    reason: 'Only the authorities of the trust domain of the leaf count.',
    matches: ({ code }) => code === 'ERR_BUNDLE_UNKNOWN',
  },
  {
    name: 'leaf profile',
    reason: 'X509-SVID 4, 5.2, and accepted keys: what a leaf has to be.',
    matches: ({ code }) => code === 'ERR_CHAIN_LEAF_PROFILE',
  },
  {
    name: 'no authority',
    reason: 'X509-SVID 4, and accepted keys: what may not sign is no anchor, whoever put it into the bundle.',
    matches: ({ code }) => code === 'ERR_BUNDLE_EMPTY',
  },
  {
    name: 'strict DER',
    reason: 'X.690 10 and 11, RFC 5280 4: what has two readings has none.',
    matches: ({ code, traits }) => /^ERR_(CHAIN|BUNDLE)_/.test(code) && traits.has('does not parse'),
  },
  {
    name: 'authority profile',
    reason:
      'X509-SVID 4, and accepted keys: an anchor that may not sign was left out, and no other one leads anywhere.',
    matches: isPathWith('anchor left out'),
  },
  {
    name: 'signature algorithm',
    reason: 'SHA-1 is refused; OpenSSL does so by its security level, which the oracle turns off.',
    matches: isPathWith('weak signature'),
  },
  {
    name: 'key of an issuer',
    reason: 'RSA has 2048 to 8192 bits, curves are those of NIST.',
    matches: isPathWith('weak key'),
  },
  {
    name: 'serial number',
    reason: 'RFC 5280 4.1.2.2: positive.',
    matches: isPathWith('serial zero'),
  },
  {
    name: 'circle',
    reason: 'A name with its key is on a path once, so a leaf does not share both with an issuer above it.',
    matches: isPathWith('leaf is an issuer'),
  },
  {
    name: 'names byte for byte',
    reason:
      'OpenSSL folds case, white space and types of strings in names; the names of issuers are copied, not typed.',
    matches: isPathWith('names nearly alike'),
  },
  {
    name: 'DNS constraints',
    reason:
      'A leading period is no DNS constraint (RFC 5280 4.2.1.10), and a wildcard is every name it could match.',
    matches: isPathWith('DNS constraints'),
  },
];

/** No path was found, and something on one that OpenSSL may have taken is why. */
function isPathWith(trait: Trait): (refusal: Refusal) => boolean {
  return ({ code, traits }) => NO_PATH.has(code) && traits.has(trait);
}

/** What the rules look at. */
export function fieldsOf(certificate: Certificate): CertificateFields {
  return readCertificate(Buffer.from(certificate.der));
}

function links(path: readonly Certificate[]): readonly (readonly [Certificate, Certificate])[] {
  return path.slice(1).map((high, index) => [path[index] ?? high, high] as const);
}

function hasWrongKeyId(low: Certificate, high: Certificate): boolean {
  const { authorityKeyId } = fieldsOf(low).extensions;
  const { subjectKeyId } = fieldsOf(high).extensions;
  // OpenSSL also compares issuer and serial number, which we do not even keep.
  if (ISSUER_OR_SERIAL.test(Buffer.from(low.der).toString('hex'))) return true;
  return authorityKeyId !== undefined && subjectKeyId !== undefined && authorityKeyId !== subjectKeyId;
}

function hasOnlyAnyPurposeFor(certificate: Certificate, role: 'client' | 'server'): boolean {
  const purposes = fieldsOf(certificate).extensions.extendedKeyUsage ?? [];
  const wanted = role === 'client' ? OID.clientAuth : OID.serverAuth;
  return purposes.includes(OID.anyExtendedKeyUsage) && !purposes.includes(wanted);
}

function looksSelfSigned(certificate: Certificate): boolean {
  const { subject, issuer, extensions } = fieldsOf(certificate);
  const isToldApart = extensions.subjectKeyId !== undefined && hasWrongKeyId(certificate, certificate);
  return subject.equals(issuer) && !isToldApart;
}

function hasNamesakes(path: readonly Certificate[], others: readonly Certificate[]): boolean {
  return path.slice(1).some((one) => others.some((other) => isNamesake(one, other)));
}

function isNamesake(one: Certificate, other: Certificate): boolean {
  return Buffer.compare(one.subject, other.subject) === 0 && Buffer.compare(one.der, other.der) !== 0;
}
