import { type Certificate } from '../certificate.ts';
import { acceptedSignature } from '../der/signature-algorithm.ts';
import { type SpiffeError } from '../errors.ts';
import { authorityProblem } from './authority-profile.ts';
import { endEntityProblem } from './end-entity-profile.ts';
import { constraintProblem } from './name-constraints.ts';
import { describe, failureError, type PathFailure, validityFailure } from './path-failure.ts';
import { allowsRole, type Role } from './purpose.ts';
import { SignatureChecks } from './signature-checks.ts';
import { WorkBudget } from './work-budget.ts';

/** What to find a path for. */
export interface PathQuery {
  /** The certificate to verify. */
  readonly target: Certificate;
  /** Certificates that may stand between it and an anchor; nothing about them is believed. */
  readonly intermediates: readonly Certificate[];
  /** Where a path may end. They are trusted, and still held to every rule for an issuer. */
  readonly anchors: readonly Certificate[];
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** What the holder of the target is in the connection. */
  readonly role: Role;
  /** The SPIFFE ID that the target claims, for errors. */
  readonly peer?: string;
  /** Whether to try only issuers with the very key identifier that is asked for, so that a miss costs nothing. */
  readonly byKeyIdOnly?: boolean;
  /** Whether a common name of the target that reads like a host name counts as one where names are constrained. */
  readonly commonNameIsName?: boolean;
}

/** A path that was found valid. */
export interface CertificationPath {
  /** The target first, the anchor last. */
  readonly certificates: readonly Certificate[];
  /** The instants between which every certificate on it is valid, both inside, in milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** How many issuers a path may have, the anchor among them. */
const DEEPEST = 8;

/** How many reasons are kept to choose one from. */
const MOST_REASONS = 64;

/** A candidate that was turned down before its signature was looked at. */
interface TurnedDown {
  readonly subject: Certificate;
  readonly issuer: Certificate;
  readonly failure: PathFailure;
}

/**
 * Finds a path from the target to an anchor by the rules of RFC 5280 6.1. What SPIFFE asks of the target is not
 * checked here. Depth-first, and where one issuer leads nowhere another of the same name is tried.
 *
 * @throws {@link SpiffeError} `ERR_CHAIN_LEAF_PROFILE`, `ERR_CHAIN_EXPIRED`, `ERR_CHAIN_NOT_YET_VALID`,
 * `ERR_CHAIN_UNTRUSTED`, `ERR_CHAIN_TOO_LONG`, `ERR_CHAIN_BUDGET`. Where several paths fail, the reason is the one
 * of an issuer that did sign.
 */
export function findPath(query: PathQuery): CertificationPath {
  checkTarget(query);
  return new PathSearch(query).run();
}

/**
 * Checks what no path could mend: the rules for the target alone.
 *
 * @throws {@link SpiffeError} `ERR_CHAIN_LEAF_PROFILE`, `ERR_CHAIN_EXPIRED`, `ERR_CHAIN_NOT_YET_VALID`.
 */
export function checkTarget(query: PathQuery): void {
  const failure = targetFailure(query);
  // rule: path.target
  if (failure !== undefined) throw failureError(failure, query.peer);
}

class PathSearch {
  readonly #query: PathQuery;
  readonly #budget = new WorkBudget();
  readonly #signatures = new SignatureChecks(this.#budget);
  readonly #turnedDown: TurnedDown[] = [];
  /** Whether someone was named as issuer, and did not sign. */
  #isForged = false;

  constructor(query: PathQuery) {
    this.#query = query;
  }

  run(): CertificationPath {
    const certificates = this.#extend([this.#query.target]);
    if (certificates === undefined) throw this.#error();
    return {
      certificates,
      notBefore: Math.max(...certificates.map((one) => one.notBefore)),
      notAfter: Math.min(...certificates.map((one) => one.notAfter)),
    };
  }

  /** The path up to an anchor, or undefined when there is none from here. */
  #extend(path: readonly Certificate[]): readonly Certificate[] | undefined {
    const subject = path.at(-1) ?? this.#query.target;
    for (const { issuer, isAnchor } of this.#candidates(subject)) {
      const failure = this.#issuerFailure(issuer, path);
      if (failure !== undefined) {
        if (this.#turnedDown.length < MOST_REASONS) this.#turnedDown.push({ subject, issuer, failure });
        continue;
      }
      const isSigned = this.#signatures.isSignedBy(subject, issuer);
      if (!isSigned) this.#isForged = true;
      // rule: path.signed
      if (!isSigned) continue;
      const extended = [...path, issuer];
      if (isAnchor) return extended;
      const complete = this.#extend(extended);
      if (complete !== undefined) return complete;
    }
    return undefined;
  }

  /** Who may have issued `subject`, the likeliest first: key identifiers are hints, names are not. */
  #candidates(subject: Certificate): readonly { readonly issuer: Certificate; readonly isAnchor: boolean }[] {
    const { anchors, intermediates, byKeyIdOnly = false } = this.#query;
    const found: { issuer: Certificate; isAnchor: boolean; distance: number }[] = [];
    for (const [isAnchor, list] of [
      [true, anchors],
      [false, intermediates],
    ] as const) {
      for (const issuer of list) {
        // RFC 5280 6.1.3 (a) (4), byte for byte: a match by normalisation could be steered.
        // rule: path.name
        if (!issuer.fields.subject.equals(subject.fields.issuer)) continue;
        const distance = keyIdDistance(subject, issuer);
        if (distance === 0 || !byKeyIdOnly) found.push({ issuer, isAnchor, distance });
      }
    }
    return found.toSorted((a, b) => a.distance - b.distance);
  }

  /** What is wrong with `issuer` as the next one on `path`, of all that needs no signature. */
  #issuerFailure(issuer: Certificate, path: readonly Certificate[]): PathFailure | undefined {
    const { at, role } = this.#query;
    // A certificate that comes again makes a longer path without proving more.
    // rule: path.once
    if (path.some((one) => isSamePrincipal(one, issuer))) return untrusted('it leads in a circle');
    // rule: path.depth
    if (path.length > DEEPEST) {
      return { code: 'ERR_CHAIN_TOO_LONG', problem: `want at most ${DEEPEST} issuers, the root among them` };
    }
    const what = describe(issuer, 'issuer');
    const subjectProblem = issuedProblem(path.at(-1) ?? this.#query.target);
    // rule: path.issued
    if (subjectProblem !== undefined) return untrusted(subjectProblem);
    const problem = authorityProblem(issuer);
    // rule: path.authority
    if (problem !== undefined) return untrusted(`${what} may not sign certificates: ${problem}`);
    // rule: path.issuer-purpose
    if (!allowsRole(issuer, role)) return untrusted(`${what} may not issue ${role} certificates`);
    const pathLength = issuer.fields.extensions.basicConstraints?.pathLength;
    // RFC 5280 6.1.4 (l) and (m): self-issued certificates do not count, and neither does the target.
    // rule: path.length
    if (pathLength !== undefined && path.slice(1).filter((one) => !isSelfIssued(one)).length > pathLength) {
      return untrusted(`${what} allows only ${pathLength} issuers below it`);
    }
    const validity = validityFailure(issuer, at, what);
    // rule: path.issuer-validity
    if (validity !== undefined) return validity;
    const constraint = this.#constraintProblem(issuer, path);
    // rule: path.constraints
    if (constraint !== undefined) return untrusted(`${what} has name constraints: ${constraint}`);
    return undefined;
  }

  #constraintProblem(issuer: Certificate, path: readonly Certificate[]): string | undefined {
    const { nameConstraints } = issuer.fields.extensions;
    if (nameConstraints === undefined) return undefined;
    for (const [index, certificate] of path.entries()) {
      // RFC 5280 6.1.3 (b): a self-issued certificate inside of the path is a change of keys.
      if (index > 0 && isSelfIssued(certificate)) continue;
      const isHost = index === 0 && this.#query.commonNameIsName === true;
      const problem = constraintProblem(nameConstraints, certificate, this.#budget, isHost);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** Of the candidates that were turned down, the first that did sign tells most, or of which nobody can say. */
  #error(): SpiffeError {
    const { peer } = this.#query;
    for (const { subject, issuer, failure } of this.#turnedDown) {
      if (this.#budget.signaturesLeft === 0) break;
      const isUnverifiable = acceptedSignature(subject.fields.signatureAlgorithm) === undefined;
      if (isUnverifiable || this.#signatures.isSignedBy(subject, issuer)) return failureError(failure, peer);
    }
    const problem = this.#isForged
      ? 'who is named as issuer did not sign it'
      : 'no trusted authority is named as its issuer, nor is one of the certificates that were sent with it';
    const hint = 'Compare the bundle of the trust domain with the root that issued the chain.';
    return failureError({ ...untrusted(problem), hint }, peer);
  }
}

/** Rules for the target alone. */
function targetFailure({ target, at, role }: PathQuery): PathFailure | undefined {
  const problem = endEntityProblem(target);
  // rule: target.profile
  if (problem !== undefined)
    return { code: 'ERR_CHAIN_LEAF_PROFILE', problem: `the leaf is not usable: ${problem}` };
  // rule: target.purpose
  if (!allowsRole(target, role)) {
    return {
      code: 'ERR_CHAIN_LEAF_PROFILE',
      problem: `the extended key usage of the leaf does not allow a ${role}`,
    };
  }
  const validity = validityFailure(target, at, 'the leaf');
  // rule: target.validity
  if (validity !== undefined) return validity;
  return undefined;
}

/** Rules for a certificate whose signature counts, which of an anchor it does not. */
function issuedProblem(certificate: Certificate): string | undefined {
  const { signatureAlgorithm, serialNumber } = certificate.fields;
  const what = describe(certificate, 'certificate');
  // Says why: what is not on that list verifies nothing, since nobody knows how.
  if (acceptedSignature(signatureAlgorithm) === undefined)
    return `${what} is signed with an algorithm that is weak or unknown`;
  // RFC 5280 4.1.2.2: positive. Roots with zero are around, and theirs are not looked at.
  // rule: issued.serial
  if (serialNumber === '0') return `${what} has no positive serial number`;
  return undefined;
}

/** RFC 5280 4.2.1.1: equal key identifiers first, then where one is missing, then different ones. */
function keyIdDistance(subject: Certificate, issuer: Certificate): number {
  const wanted = subject.fields.extensions.authorityKeyId;
  const found = issuer.fields.extensions.subjectKeyId;
  if (wanted === undefined || found === undefined) return 1;
  return wanted === found ? 0 : 2;
}

/** The same name and key: another certificate of the same issuer, or the very same. */
function isSamePrincipal(one: Certificate, other: Certificate): boolean {
  return (
    one.fields.subject.equals(other.fields.subject) &&
    one.fields.publicKey.der.equals(other.fields.publicKey.der)
  );
}

function isSelfIssued(certificate: Certificate): boolean {
  return certificate.fields.subject.equals(certificate.fields.issuer);
}

function untrusted(problem: string): PathFailure {
  return { code: 'ERR_CHAIN_UNTRUSTED', problem };
}
