import { Buffer } from 'node:buffer';
import { createHash, KeyObject, randomBytes, type webcrypto } from 'node:crypto';

import { type CertificatePlan, type ExtendedKeyUsageName } from './certificate-plan.ts';
import { derChildren, readDer } from './der.ts';
import { applyEncodingDefects } from './encoding-defects.ts';
import { encodeNameConstraints } from './name-constraints.ts';

/** Who signs. */
export interface Issuer {
  /** As in {@link CertificatePlan}. */
  readonly subject: string | Uint8Array;
  /** Hex; undefined leaves the authority key identifier out. */
  readonly keyId: string | undefined;
  readonly privateKey: webcrypto.CryptoKey;
}

const EXTENDED_KEY_USAGE_OIDS: Readonly<Record<ExtendedKeyUsageName, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  any: '2.5.29.37.0',
};

const NAME_CONSTRAINTS_OID = '2.5.29.30';
/** Below 2.999, the arc for examples (X.660): nobody knows it. */
const UNKNOWN_OID = '2.999.1';
const ASN1_NULL = Buffer.from([0x05, 0x00]);

/** Encodes and signs what `plan` says, defects and all. Gives DER. */
export async function signCertificate(
  plan: CertificatePlan,
  publicKey: webcrypto.CryptoKey,
  issuer: Issuer,
): Promise<Uint8Array> {
  // Loaded here, so that importing the kit changes no global.
  const x509 = await import('./x509-library.ts');
  const extensions: InstanceType<typeof x509.Extension>[] = [];
  if (plan.basicConstraints !== undefined) {
    const { ca, pathLength } = plan.basicConstraints;
    extensions.push(new x509.BasicConstraintsExtension(ca, pathLength, true));
  }
  if (plan.keyUsage !== undefined) {
    const bits = plan.keyUsage.names.reduce((sum, name) => sum | x509.KeyUsageFlags[name], 0);
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- several flags are a number
    extensions.push(new x509.KeyUsagesExtension(bits, plan.keyUsage.critical));
  }
  if (plan.extendedKeyUsage.length > 0) {
    const oids = plan.extendedKeyUsage.map((name) => EXTENDED_KEY_USAGE_OIDS[name]);
    extensions.push(new x509.ExtendedKeyUsageExtension(oids));
  }
  if (plan.subjectAltNames.length > 0) {
    const names = [...plan.subjectAltNames];
    extensions.push(new x509.SubjectAlternativeNameExtension(names, plan.subjectAltNamesCritical));
  }
  const nameConstraints = encodeNameConstraints(plan.nameConstraints);
  if (nameConstraints !== undefined) {
    const { critical } = plan.nameConstraints;
    extensions.push(new x509.Extension(NAME_CONSTRAINTS_OID, critical, nameConstraints));
  }
  if (plan.subjectKeyId !== undefined) {
    extensions.push(new x509.SubjectKeyIdentifierExtension(plan.subjectKeyId));
  }
  if (issuer.keyId !== undefined) {
    extensions.push(new x509.AuthorityKeyIdentifierExtension(issuer.keyId));
  }
  if (plan.unknownCriticalExtension) extensions.push(new x509.Extension(UNKNOWN_OID, true, ASN1_NULL));

  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: new x509.Name(plan.subject),
    issuer: new x509.Name(issuer.subject),
    notBefore: new Date(plan.notBefore),
    notAfter: new Date(plan.notAfter),
    extensions,
    publicKey,
    signingKey: issuer.privateKey,
    signingAlgorithm: signingAlgorithm(issuer.privateKey),
  });
  const der = new Uint8Array(certificate.rawData);
  return applyEncodingDefects(der, plan.encodingDefects, KeyObject.from(issuer.privateKey));
}

/** The key identifier of RFC 5280 4.2.1.2 (1): SHA-1 over the bits of the public key, in hex. */
export function keyIdOf(publicKey: webcrypto.CryptoKey): string {
  const spki = KeyObject.from(publicKey).export({ type: 'spki', format: 'der' });
  const bits = derChildren(readDer(spki).contents)[1];
  return createHash('sha1')
    .update(bits?.contents.subarray(1) ?? spki)
    .digest('hex');
}

/** Positive and never zero, as RFC 5280 4.1.2.2 wants it. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function signingAlgorithm(key: webcrypto.CryptoKey): { name: string; hash: string } {
  const { name, namedCurve } = key.algorithm as { name: string; namedCurve?: string };
  const hash = namedCurve === 'P-384' ? 'SHA-384' : namedCurve === 'P-521' ? 'SHA-512' : 'SHA-256';
  return { name, hash };
}
