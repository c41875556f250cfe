import { type Certificate } from '../certificate.ts';
import { KEY_USAGE } from '../der/extensions.ts';
import { isEmptyName } from '../der/names.ts';

/**
 * Why a certificate may not sign others, whatever path it is on and whatever time it is; undefined when it may.
 * Intermediates and trust anchors are held to the same (X509-SVID 4, RFC 5280 6.1.4).
 */
export function authorityProblem(certificate: Certificate): string | undefined {
  const { basicConstraints, keyUsage, unknownCritical } = certificate.fields.extensions;
  // X509-SVID 4.1, RFC 5280 6.1.4 (k): in version 3 and with cA, which older versions cannot say.
  // rule: authority.ca
  if (basicConstraints?.ca !== true) return 'it is not a CA (basic constraints)';
  // X509-SVID 4.3, RFC 5280 6.1.4 (n)
  // rule: authority.key-cert-sign
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.keyCertSign) === 0)
    return 'its key usage lacks keyCertSign';
  // RFC 5280 4.1.2.6: names chain, so a CA has one.
  // rule: authority.subject
  if (isEmptyName(certificate.subject)) return 'its subject is empty';
  // RFC 5280 6.1.4 (o)
  // rule: authority.critical-extensions
  if (unknownCritical !== undefined) return `it has the unknown critical extension ${unknownCritical}`;
  const { weakness } = certificate.fields.publicKey;
  // rule: authority.key
  if (weakness !== undefined) return `its key is not acceptable: ${weakness}`;
  return undefined;
}
