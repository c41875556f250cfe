import { type Certificate } from '../certificate.ts';
import { OID } from '../der/object-identifiers.ts';

/** Which side of a connection a certificate authenticates. */
export type Role = 'client' | 'server';

/** Whether the extended key usage of a certificate, if it has one, allows a role (RFC 5280 4.2.1.12). */
export function allowsRole(certificate: Certificate, role: Role): boolean {
  const purposes = certificate.fields.extensions.extendedKeyUsage;
  if (purposes === undefined || purposes.includes(OID.anyExtendedKeyUsage)) return true;
  return purposes.includes(role === 'client' ? OID.clientAuth : OID.serverAuth);
}
