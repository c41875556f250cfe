import { X509Certificate } from 'node:crypto';

import { type Certificate } from '../certificate.ts';
import { type WorkBudget } from './work-budget.ts';

// That a key signed a certificate is true for ever, so an intermediate that many peers send is checked once.
const proven = new WeakMap<Certificate, WeakSet<Certificate>>();

/**
 * Whether the key of `issuer` signed `subject`. Nothing else about the two is looked at.
 *
 * @throws {@link SpiffeError} `ERR_CHAIN_BUDGET`.
 */
export function isSignedBy(subject: Certificate, issuer: Certificate, budget: WorkBudget): boolean {
  if (proven.get(subject)?.has(issuer) === true) return true;
  // rule: budget.signature-is-paid
  budget.spendSignature();
  // rule: path.signature
  if (!verifies(subject, issuer)) return false;
  const issuers = proven.get(subject) ?? new WeakSet();
  proven.set(subject, issuers.add(issuer));
  return true;
}

function verifies(subject: Certificate, issuer: Certificate): boolean {
  try {
    // Not `subject.x509`, which would keep native memory for every peer that is remembered.
    return new X509Certificate(subject.der).verify(issuer.publicKey);
  } catch {
    // A key or an algorithm that this Node.js does not know, or a certificate that OpenSSL cannot read.
    return false;
  }
}
