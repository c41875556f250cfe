import {
  type ApplyDefect,
  changeKeyUsage,
  expired,
  HOUR_MS,
  notYetValid,
  withEncodingDefect,
  withUris,
} from './change-plan.ts';

/** Every way in which `TestCa.issue` can spoil a leaf: name and what it does. */
export const LEAF_DEFECTS = {
  'leaf-is-ca': 'basic constraints say CA:TRUE (X509-SVID 4.1)',
  'leaf-key-cert-sign': 'key usage has keyCertSign (X509-SVID 4.3)',
  'leaf-crl-sign': 'key usage has cRLSign (X509-SVID 4.3)',
  'leaf-no-digital-signature': 'key usage lacks digitalSignature (X509-SVID 4.3)',
  'leaf-no-key-usage': 'the key usage extension is absent (X509-SVID 4.3)',
  'key-usage-not-critical': 'the key usage extension is not critical (X509-SVID 4.3)',
  'no-san': 'the subject alternative name extension is absent, the subject is not empty',
  'no-uri-san': 'the only subject alternative name is a DNS name (X509-SVID 2)',
  'two-uri-sans': 'two URI names, both SPIFFE IDs of the trust domain (X509-SVID 2)',
  'same-uri-twice': 'the SPIFFE ID stands there twice (X509-SVID 2)',
  'extra-https-uri-san': 'an https URI beside the SPIFFE ID (X509-SVID 2)',
  'uri-san-not-spiffe': 'the only URI name is an https URI (X509-SVID 5.2)',
  'uri-san-invalid-upper-case': 'the trust domain in the SPIFFE ID is in upper case (SPIFFE-ID 2.1)',
  'uri-san-invalid-double-slash': 'the path of the SPIFFE ID has an empty segment (SPIFFE-ID 2.2)',
  'uri-san-invalid-percent': 'the path of the SPIFFE ID has a percent-encoded slash (SPIFFE-ID 2.2)',
  'uri-san-too-long': 'the SPIFFE ID has 2049 bytes (SPIFFE-ID 2.3)',
  'uri-san-in-dns-name': 'no URI name; a DNS name has text that shows like one when names are printed',
  'no-path': 'the SPIFFE ID has no path (X509-SVID 5.2)',
  'wrong-eku-server-only': 'extended key usage is serverAuth alone (X509-SVID 4.4)',
  'wrong-eku-client-only': 'extended key usage is clientAuth alone (X509-SVID 4.4)',
  'wrong-eku-code-signing': 'extended key usage is codeSigning alone',
  'wrong-eku-any': 'extended key usage is anyExtendedKeyUsage alone',
  expired: 'valid until an hour ago',
  'not-yet-valid': 'valid from an hour ahead',
  'unknown-critical-extension': 'a critical extension that nobody knows (RFC 5280 4.2)',
  'duplicate-extension': 'the last extension stands there twice (RFC 5280 4.2)',
  'empty-subject-non-critical-san':
    'empty subject, yet the alternative names are not critical (RFC 5280 4.1.2.6)',
  'bad-signature': 'one bit of the signature is flipped',
  'sha1-signature': 'signed with SHA-1 (needs an EC or RSA authority)',
  'signature-algorithm-mismatch':
    'the algorithm beside the signature is not the one inside (RFC 5280 4.1.1.2)',
  'weak-key': 'an RSA key of 1024 bits',
  v1: 'version 1, although it has extensions (RFC 5280 4.1.2.1)',
  'time-out-of-range': 'notBefore has 72 seconds in its minute',
  'non-der-boolean': 'critical flags are encoded as 0x01 (X.690 11.1)',
  'trailing-bytes': 'two bytes follow the certificate',
} as const;

/** The name of a way to spoil a leaf: a key of {@link LEAF_DEFECTS}. */
export type LeafDefect = keyof typeof LEAF_DEFECTS;

/** How each defect changes the plan. */
export const APPLY_LEAF_DEFECT: Readonly<Record<LeafDefect, ApplyDefect>> = {
  'leaf-is-ca': (plan) => ({ ...plan, basicConstraints: { ca: true } }),
  'leaf-key-cert-sign': (plan) => changeKeyUsage(plan, (names) => [...names, 'keyCertSign']),
  'leaf-crl-sign': (plan) => changeKeyUsage(plan, (names) => [...names, 'cRLSign']),
  'leaf-no-digital-signature': (plan) => changeKeyUsage(plan, () => ['keyAgreement']),
  'leaf-no-key-usage': (plan) => ({ ...plan, keyUsage: undefined }),
  'key-usage-not-critical': (plan) => ({
    ...plan,
    keyUsage: { critical: false, names: plan.keyUsage?.names ?? ['digitalSignature'] },
  }),
  'no-san': (plan) => ({ ...plan, subjectAltNames: [], subject: 'CN=no alternative names' }),
  'no-uri-san': (plan, { trustDomain }) => ({
    ...plan,
    subjectAltNames: [{ type: 'dns', value: `workload.${trustDomain}` }],
  }),
  'two-uri-sans': (plan, { id, trustDomain }) => withUris(plan, id, `spiffe://${trustDomain}/second`),
  'same-uri-twice': (plan, { id }) => withUris(plan, id, id),
  'extra-https-uri-san': (plan, { id, trustDomain }) => withUris(plan, id, `https://${trustDomain}/second`),
  'uri-san-not-spiffe': (plan, { trustDomain }) => withUris(plan, `https://${trustDomain}/workload`),
  'uri-san-invalid-upper-case': (plan, { id, trustDomain }) =>
    withUris(plan, id.replace(trustDomain, trustDomain.toUpperCase())),
  'uri-san-invalid-double-slash': (plan, { trustDomain }) =>
    withUris(plan, `spiffe://${trustDomain}//workload`),
  'uri-san-invalid-percent': (plan, { trustDomain }) => withUris(plan, `spiffe://${trustDomain}/work%2fload`),
  'uri-san-too-long': (plan, { trustDomain }) => withUris(plan, `spiffe://${trustDomain}/`.padEnd(2049, 'a')),
  'uri-san-in-dns-name': (plan, { id }) => ({
    ...plan,
    subjectAltNames: [{ type: 'dns', value: `workload.test, URI:${id}` }],
  }),
  'no-path': (plan, { trustDomain }) => withUris(plan, `spiffe://${trustDomain}`),
  'wrong-eku-server-only': (plan) => ({ ...plan, extendedKeyUsage: ['serverAuth'] }),
  'wrong-eku-client-only': (plan) => ({ ...plan, extendedKeyUsage: ['clientAuth'] }),
  'wrong-eku-code-signing': (plan) => ({ ...plan, extendedKeyUsage: ['codeSigning'] }),
  'wrong-eku-any': (plan) => ({ ...plan, extendedKeyUsage: ['any'] }),
  expired,
  'not-yet-valid': notYetValid,
  'unknown-critical-extension': (plan) => ({ ...plan, unknownCriticalExtension: true }),
  'duplicate-extension': (plan) => withEncodingDefect(plan, 'duplicate-extension'),
  'empty-subject-non-critical-san': (plan) => ({ ...plan, subject: '', subjectAltNamesCritical: false }),
  'bad-signature': (plan) => withEncodingDefect(plan, 'bad-signature'),
  'sha1-signature': (plan) => withEncodingDefect(plan, 'sha1-signature'),
  'signature-algorithm-mismatch': (plan) => withEncodingDefect(plan, 'signature-algorithm-mismatch'),
  'weak-key': (plan) => ({ ...plan, keyType: 'rsa1024' }),
  v1: (plan) => withEncodingDefect(plan, 'v1'),
  // Begun an hour earlier, so that a reader which takes 72 seconds for the next minute finds it valid.
  'time-out-of-range': (plan) =>
    withEncodingDefect({ ...plan, notBefore: plan.notBefore - HOUR_MS }, 'time-out-of-range'),
  'non-der-boolean': (plan) => withEncodingDefect(plan, 'non-der-boolean'),
  'trailing-bytes': (plan) => withEncodingDefect(plan, 'trailing-bytes'),
};
