import { type CertificatePlan, type ConstrainedName } from './certificate-plan.ts';
import {
  changeKeyUsage,
  type DefectContext,
  expired,
  notYetValid,
  withEncodingDefect,
  withUris,
} from './change-plan.ts';

/** Every way in which a test CA itself can be wrong: name and what it does. */
export const CA_DEFECTS = {
  'not-ca': 'basic constraints say CA:FALSE (X509-SVID 4.1)',
  'no-basic-constraints': 'the basic constraints extension is absent (RFC 5280 4.2.1.9)',
  'no-key-cert-sign': 'key usage lacks keyCertSign (X509-SVID 4.3)',
  'no-key-usage': 'the key usage extension is absent (X509-SVID 4.3)',
  expired: 'valid until an hour ago',
  'not-yet-valid': 'valid from an hour ahead',
  'path-length-0': 'path length 0: violated by a further intermediate below it (RFC 5280 4.2.1.9)',
  'permits-other-uri': 'critical name constraints permit only URIs of other.test (RFC 5280 4.2.1.10)',
  'excludes-own-uri': 'critical name constraints exclude the URIs of the trust domain',
  'permits-other-uri-non-critical': 'as permits-other-uri, in an extension that is not critical',
  'permits-other-dns': 'critical name constraints permit only DNS names below other.test',
  'excludes-own-dns': 'critical name constraints exclude the trust domain as a DNS name',
  'unsupported-name-constraint': 'critical name constraints on directory names, which SVIDs do not use',
  'copied-skid': 'subject key identifier of another CA (option copyFrom)',
  'copied-subject': 'subject of another CA (option copyFrom)',
  'no-skid': 'no subject key identifier, so nothing it signs names its key',
  'wrong-eku': 'extended key usage is codeSigning alone',
  'unknown-critical-extension': 'a critical extension that nobody knows (RFC 5280 4.2)',
  'id-with-path': 'its SPIFFE ID has a path (X509-SVID 3.2)',
  'foreign-td-id': 'its SPIFFE ID is of another trust domain (X509-SVID 3.2: allowed)',
  'bad-signature': 'one bit of the signature is flipped',
  'sha1-signature': 'signed with SHA-1 (needs an EC or RSA issuer)',
  'weak-key': 'an RSA key of 1024 bits',
  v1: 'version 1, although it has extensions (RFC 5280 4.1.2.1)',
} as const;

/** The name of a way to spoil a CA: a key of {@link CA_DEFECTS}. */
export type CaDefect = keyof typeof CA_DEFECTS;

/** {@link DefectContext}, and the CA to copy from: its subject as DER, its key identifier as hex. */
export interface CaDefectContext extends DefectContext {
  readonly copyFrom: () => { readonly subject: Uint8Array; readonly keyId: string | undefined };
}

type ApplyCaDefect = (plan: CertificatePlan, context: CaDefectContext) => CertificatePlan;

/** How each defect changes the plan. */
export const APPLY_CA_DEFECT: Readonly<Record<CaDefect, ApplyCaDefect>> = {
  'not-ca': (plan) => ({ ...plan, basicConstraints: { ca: false } }),
  'no-basic-constraints': (plan) => ({ ...plan, basicConstraints: undefined }),
  'no-key-cert-sign': (plan) => changeKeyUsage(plan, () => ['digitalSignature', 'cRLSign']),
  'no-key-usage': (plan) => ({ ...plan, keyUsage: undefined }),
  expired,
  'not-yet-valid': notYetValid,
  'path-length-0': (plan) => ({ ...plan, basicConstraints: { ca: true, pathLength: 0 } }),
  'permits-other-uri': (plan) => constrain(plan, 'permitted', { type: 'uri', value: 'other.test' }),
  'excludes-own-uri': (plan, { trustDomain }) =>
    constrain(plan, 'excluded', { type: 'uri', value: trustDomain }),
  'permits-other-uri-non-critical': (plan) =>
    constrain(plan, 'permitted', { type: 'uri', value: 'other.test' }, false),
  'permits-other-dns': (plan) => constrain(plan, 'permitted', { type: 'dns', value: 'other.test' }),
  'excludes-own-dns': (plan, { trustDomain }) =>
    constrain(plan, 'excluded', { type: 'dns', value: trustDomain }),
  'unsupported-name-constraint': (plan) =>
    constrain(plan, 'permitted', { type: 'directory', value: 'other directory' }),
  'copied-skid': (plan, { copyFrom }) => ({ ...plan, subjectKeyId: copyFrom().keyId }),
  'copied-subject': (plan, { copyFrom }) => ({ ...plan, subject: copyFrom().subject }),
  'no-skid': (plan) => ({ ...plan, subjectKeyId: undefined }),
  'wrong-eku': (plan) => ({ ...plan, extendedKeyUsage: ['codeSigning'] }),
  'unknown-critical-extension': (plan) => ({ ...plan, unknownCriticalExtension: true }),
  'id-with-path': (plan, { trustDomain }) => withUris(plan, `spiffe://${trustDomain}/ca`),
  'foreign-td-id': (plan) => withUris(plan, 'spiffe://foreign.test'),
  'bad-signature': (plan) => withEncodingDefect(plan, 'bad-signature'),
  'sha1-signature': (plan) => withEncodingDefect(plan, 'sha1-signature'),
  'weak-key': (plan) => ({ ...plan, keyType: 'rsa1024' }),
  v1: (plan) => withEncodingDefect(plan, 'v1'),
};

function constrain(
  plan: CertificatePlan,
  kind: 'permitted' | 'excluded',
  name: ConstrainedName,
  critical = true,
): CertificatePlan {
  const names = [...plan.nameConstraints[kind], name];
  return { ...plan, nameConstraints: { ...plan.nameConstraints, critical, [kind]: names } };
}
