import { type Certificate } from '../certificate.ts';
import { SpiffeError, type SpiffeErrorCode } from '../errors.ts';

/** Why a path ends where it does. */
export interface PathFailure {
  readonly code: SpiffeErrorCode;
  /** What is wrong, to follow "the chain is not accepted: ". */
  readonly problem: string;
  readonly hint?: string;
}

/** How a certificate is outside of its validity at `at`; undefined when it is inside. */
export function validityFailure(certificate: Certificate, at: number, what: string): PathFailure | undefined {
  const { notBefore, notAfter } = certificate;
  // RFC 5280 4.1.2.5: both instants are inside.
  // rule: path.not-before
  if (at < notBefore) {
    const problem = `${what} is not valid before ${instant(notBefore)}, and it is ${instant(at)}`;
    return { code: 'ERR_CHAIN_NOT_YET_VALID', problem, hint: 'Compare the clocks of issuer and verifier.' };
  }
  // rule: path.not-after
  if (at > notAfter) {
    const problem = `${what} expired at ${instant(notAfter)}, and it is ${instant(at)}`;
    return { code: 'ERR_CHAIN_EXPIRED', problem, hint: 'Look why it was not renewed.' };
  }
  return undefined;
}

/** The error for a failure. */
export function failureError(failure: PathFailure, peer: string | undefined): SpiffeError {
  return new SpiffeError(failure.code, `the chain is not accepted: ${failure.problem}`, {
    ...(peer === undefined ? {} : { peer }),
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
  });
}

/** How to tell a certificate in a message: its serial number says which, and gives nothing away. */
export function describe(certificate: Certificate, what: string): string {
  return `the ${what} with serial ${certificate.serialNumber}`;
}

function instant(ms: number): string {
  // Beyond what a Date holds an option of the caller is wrong, but the message must not throw.
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}
