import { isPromise } from 'node:util/types';

import { type Certificate } from './certificate.ts';
import { SpiffeError } from './errors.ts';
import { kindOf } from './quote.ts';
import { type SpiffeId } from './spiffe-id.ts';
import { type TrustDomain } from './trust-domain.ts';

/** The peer an authorizer decides about. Its chain has been verified: the identity is proven. */
export interface AuthorizedSubject {
  /** Who it is. */
  readonly id: SpiffeId;
  /** The certificate that says so. */
  readonly leaf: Certificate;
}

/** The answer of an authorizer. `reason` is for logs: what was wanted, and what came. */
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/**
 * Decides which verified peers are let in. An object and not a function, so that a client knows before it connects
 * whose authorities it has to trust.
 */
export interface Authorizer {
  /** The trust domains of every peer it could allow. A peer of another one is refused without being asked about. */
  readonly trustDomains: ReadonlySet<TrustDomain> | 'any';
  /** Whether `peer` is let in. Synchronous; a throw is a refusal. */
  authorize(peer: AuthorizedSubject): Decision;
  /** Who is let in, as a phrase that follows "want": `spiffe://prod.example/payments`, `a member of prod.example`. */
  readonly description: string;
}

/** @internal */
export const ALLOWED: Decision = Object.freeze({ allowed: true });

/**
 * Makes a frozen authorizer out of a predicate. Refusals say what was wanted.
 *
 * @internal
 */
export function defineAuthorizer(
  trustDomains: Iterable<TrustDomain> | 'any',
  description: string,
  allows: (peer: AuthorizedSubject) => boolean,
): Authorizer {
  return Object.freeze({
    trustDomains: trustDomains === 'any' ? 'any' : new Set(trustDomains),
    description,
    authorize: (peer: AuthorizedSubject) =>
      allows(peer) ? ALLOWED : denied(`want ${description}, got ${peer.id.toString()}`),
  });
}

const followers = new WeakSet<Authorizer>();

/**
 * Marks an authorizer whose trust domains change while it is used, so that combinations of it ask anew.
 *
 * @internal
 */
export function followPolicy(authorizer: Authorizer): Authorizer {
  followers.add(authorizer);
  return Object.freeze(authorizer);
}

/** @internal */
export function followsPolicy(authorizer: Authorizer): boolean {
  return followers.has(authorizer);
}

/** @internal */
export function denied(reason: string): Decision {
  return Object.freeze({ allowed: false, reason });
}

/**
 * What to throw for an answer that is no decision.
 *
 * @internal
 */
export function badAnswer(answer: unknown): TypeError {
  if (!isPromise(answer)) return new TypeError(`it answered with ${kindOf(answer)}`);
  // Without a handler its rejection would end the process, at the will of the peer.
  answer.then(undefined, () => {});
  return new TypeError('it answered with a promise');
}

/** @internal */
export function badAuthorizer(message: string, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_CONFIG_AUTHORIZER', message, cause === undefined ? {} : { cause });
}

/**
 * Refuses what cannot be an authorizer, when something that will ask it is built.
 *
 * @param where - what was built, for the message.
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function requireAuthorizer(value: Authorizer, where: string): Authorizer {
  const given: unknown = value;
  if (typeof given !== 'object' || given === null) {
    throw badAuthorizer(`${where} wants authorizers, got ${kindOf(given)}`);
  }
  const domains: unknown = value.trustDomains;
  if (
    typeof value.authorize === 'function' &&
    typeof value.description === 'string' &&
    (domains === 'any' || domains instanceof Set)
  ) {
    return value;
  }
  throw badAuthorizer(
    `${where} wants authorizers, got an object without authorize(), a description, or a set of trustDomains`,
  );
}
