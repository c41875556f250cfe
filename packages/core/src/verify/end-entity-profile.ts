import { type Certificate } from '../certificate.ts';
import { isEmptyName } from '../der/names.ts';

/**
 * Why RFC 5280 refuses a certificate as the target of a path, whatever path and time; undefined when it does not.
 * What SPIFFE asks beyond that is in `svid-leaf.ts`.
 */
export function endEntityProblem(certificate: Certificate): string | undefined {
  const { version, extensions, publicKey } = certificate.fields;
  // X509-SVID 2 needs extensions, and only version 3 has them.
  // rule: end-entity.version
  if (version !== 3) return `it is of version ${version}, not 3`;
  // RFC 5280 6.1.5 (f)
  // rule: end-entity.critical-extensions
  if (extensions.unknownCritical !== undefined) {
    return `it has the unknown critical extension ${extensions.unknownCritical}`;
  }
  // RFC 5280 4.1.2.6: without a subject the alternative names are the identity, and critical.
  // rule: end-entity.critical-names
  if (isEmptyName(certificate.subject) && extensions.alternativeNamesCritical !== true) {
    return 'its subject is empty, yet its subject alternative names are not critical';
  }
  // rule: end-entity.key
  if (publicKey.weakness !== undefined) return `its key is not acceptable: ${publicKey.weakness}`;
  return undefined;
}
