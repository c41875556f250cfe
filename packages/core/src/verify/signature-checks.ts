import { type Certificate } from '../certificate.ts';
import { acceptedSignature } from '../der/signature-algorithm.ts';
import { verifySignature } from './verify-signature.ts';
import { type WorkBudget } from './work-budget.ts';

// That a key signed a certificate is true for ever, so an intermediate that many peers send is checked once.
const proven = new WeakMap<Certificate, WeakSet<Certificate>>();

/** The signatures that verifying one chain has to look at, each at most once. */
export class SignatureChecks {
  readonly #budget: WorkBudget;
  readonly #results = new Map<Certificate, Map<Certificate, boolean>>();

  constructor(budget: WorkBudget) {
    this.#budget = budget;
  }

  /**
   * Whether the key of `issuer` signed `subject`. Nothing else about the two is looked at.
   *
   * @throws {@link SpiffeError} `ERR_CHAIN_BUDGET`.
   */
  isSignedBy(subject: Certificate, issuer: Certificate): boolean {
    if (proven.get(subject)?.has(issuer) === true) return true;
    const results = this.#results.get(subject) ?? new Map<Certificate, boolean>();
    this.#results.set(subject, results);
    const known = results.get(issuer);
    if (known !== undefined) return known;
    // rule: budget.signature-is-paid
    this.#budget.spendSignature();
    const isSigned = verifies(subject, issuer);
    results.set(issuer, isSigned);
    // rule: path.signature
    if (!isSigned) return false;
    // Leaves are remembered with their whole path instead.
    if (subject.isCa) proven.set(subject, (proven.get(subject) ?? new WeakSet()).add(issuer));
    return true;
  }
}

function verifies(subject: Certificate, issuer: Certificate): boolean {
  const { signatureAlgorithm, signed, signature } = subject.fields;
  const algorithm = acceptedSignature(signatureAlgorithm);
  if (algorithm === undefined) return false;
  try {
    return verifySignature(issuer.publicKey, algorithm, signed, signature);
  } catch {
    // A key or an algorithm that this Node.js does not know.
    return false;
  }
}
