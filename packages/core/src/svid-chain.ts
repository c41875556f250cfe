import { type KeyObject } from 'node:crypto';

import { byteKey } from './byte-key.ts';
import { type Certificate } from './certificate.ts';
import { SpiffeError } from './errors.ts';
import { authorityProblem } from './verify/authority-profile.ts';

/** The certificates of an X.509-SVID in the order in which TLS sends them. */
export interface SvidChain {
  /** The leaf first, then its issuers. */
  readonly certificates: readonly Certificate[];
  /** When the first link of the chain ends, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** What was put right, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Finds the leaf, which is the certificate of the key, and puts its issuers behind it. Roots and what has nothing
 * to do with the leaf are left out: peers have the former and have no use for the latter.
 *
 * @throws {@link SpiffeError} `ERR_SVID_KEY_MISMATCH`, `ERR_SVID_CERTIFICATE_INVALID`.
 */
export function orderChain(
  given: readonly Certificate[],
  privateKey: KeyObject,
  where: { readonly file?: string },
): SvidChain {
  const warnings: string[] = [];
  const leaf = given.find((one) => isKeyOf(privateKey, one));
  // rule: svid.key-match
  if (leaf === undefined) {
    throw new SpiffeError('ERR_SVID_KEY_MISMATCH', 'the private key belongs to none of the certificates', {
      hint: 'They are probably of two generations: wait for the writer to finish, and if it stays so, look at the log of the writer.',
      ...where,
    });
  }
  const distinct = new Map(given.map((one) => [byteKey(one.der), one]));
  distinct.delete(byteKey(leaf.der));
  const issuers = new Set(distinct.values());
  const roots = [...issuers].filter(isSelfSigned);
  for (const root of roots) issuers.delete(root);
  if (roots.length > 0) warnings.push('a self-signed root was left out of the chain');

  const certificates = [leaf];
  let expiresAt = leaf.notAfter;
  for (let level = takeIssuers(issuers, [leaf]); level.length > 0; level = takeIssuers(issuers, level)) {
    certificates.push(...level);
    // Cross-signed issuers stand in for each other, so a level ends when its last one does.
    expiresAt = Math.min(expiresAt, Math.max(...level.map((one) => one.notAfter)));
  }
  for (const issuer of certificates.slice(1)) requireAuthority(issuer, where);
  if (issuers.size > 0)
    warnings.push(`${issuers.size} certificates that did not issue the leaf were left out`);
  const inOrder = given.filter((one) => certificates.includes(one));
  if (inOrder.some((one, index) => one !== certificates[index])) {
    warnings.push('the chain was put in order: leaf first, then each issuer');
  }
  return { certificates, expiresAt, warnings };
}

/** Takes those who may have issued one of `level` out of `issuers`. */
function takeIssuers(issuers: Set<Certificate>, level: readonly Certificate[]): readonly Certificate[] {
  const found = [...issuers].filter((one) =>
    level.some((below) => below.fields.issuer.equals(one.fields.subject)),
  );
  for (const one of found) issuers.delete(one);
  return found;
}

/** X509-SVID 4: signing certificates are CAs with keyCertSign. */
function requireAuthority(issuer: Certificate, where: { readonly file?: string }): void {
  const problem = authorityProblem(issuer);
  // rule: svid.intermediates
  if (problem !== undefined) {
    const which = `the intermediate with serial ${issuer.serialNumber}`;
    throw new SpiffeError(
      'ERR_SVID_CERTIFICATE_INVALID',
      `${which} may not sign certificates: ${problem}`,
      where,
    );
  }
}

function isSelfSigned(certificate: Certificate): boolean {
  if (!certificate.fields.subject.equals(certificate.fields.issuer)) return false;
  try {
    return certificate.x509.verify(certificate.publicKey);
  } catch {
    return false;
  }
}

function isKeyOf(privateKey: KeyObject, certificate: Certificate): boolean {
  try {
    return certificate.x509.checkPrivateKey(privateKey);
  } catch {
    return false;
  }
}
