import {
  ALLOWED,
  type AuthorizedSubject,
  type Authorizer,
  badAnswer,
  badAuthorizer,
  type Decision,
  defineAuthorizer,
  denied,
} from './authorizer.ts';
import { kindOf } from './quote.ts';
import { SpiffeId } from './spiffe-id.ts';
import { toTrustDomain, type TrustDomain } from './trust-domain.ts';

/** How many IDs a description names before it only counts. */
const NAMED = 5;

/** Lets in every verified peer of every trust domain whose bundle we hold. */
export function authorizeAny(): Authorizer {
  return defineAuthorizer('any', 'anyone', () => true);
}

/**
 * Lets in exactly one SPIFFE ID.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function authorizeId(id: SpiffeId | string): Authorizer {
  const wanted = toId(id);
  return defineAuthorizer([wanted.trustDomain], wanted.toString(), (peer) => wanted.equals(peer.id));
}

/**
 * Lets in each of the given SPIFFE IDs.
 *
 * @param ids - one or more IDs, or arrays of them.
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER` without an ID, which would let in nobody; `ERR_ID_INVALID`,
 * `ERR_ID_TOO_LONG`.
 */
export function authorizeOneOf(
  ...ids: readonly (SpiffeId | string | readonly (SpiffeId | string)[])[]
): Authorizer {
  const wanted = new Map(
    ids
      .flat()
      .map((id) => toId(id))
      .map((id) => [id.toString(), id]),
  );
  if (wanted.size === 0) throw badAuthorizer('authorizeOneOf wants at least one SPIFFE ID, got none');
  return defineAuthorizer(
    Array.from(wanted.values(), (id) => id.trustDomain),
    describeIds([...wanted.keys()]),
    (peer) => wanted.has(peer.id.toString()),
  );
}

/**
 * Lets in every SPIFFE ID of one trust domain.
 *
 * @param trustDomain - or its name.
 * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function authorizeMemberOf(trustDomain: TrustDomain | string): Authorizer {
  const wanted = toTrustDomain(trustDomain);
  return defineAuthorizer([wanted], `a member of ${wanted.name}`, (peer) => peer.id.memberOf(wanted));
}

/** What an authorizer of one's own declares. */
export interface AuthorizeWithOptions {
  /**
   * Every trust domain (or its name) it could let in a peer from; peers of others are refused without a question.
   * `'any'` for all whose bundle we hold.
   */
  readonly trustDomains: Iterable<TrustDomain | string> | 'any';
  /** Who is let in, as a phrase that follows "want", for messages. */
  readonly description: string;
}

/**
 * Lets in whom `decide` says. Only `true` is a yes.
 *
 * @param decide - synchronous; gives `true`, `false`, or the reason for a refusal. A throw, a promise and anything
 * else refuse the peer.
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function authorizeWith(
  options: AuthorizeWithOptions,
  decide: (peer: AuthorizedSubject) => boolean | string,
): Authorizer {
  const { description } = options;
  const trustDomains = toTrustDomains(options.trustDomains);
  requireKind('a description', 'string', description);
  requireKind('a function', 'function', decide);
  return Object.freeze({
    trustDomains,
    description,
    authorize: (peer: AuthorizedSubject) => readAnswer(decide(peer), description, peer),
  });
}

function readAnswer(answer: unknown, description: string, peer: AuthorizedSubject): Decision {
  if (answer === true) return ALLOWED;
  if (answer === false || answer === '') return denied(`want ${description}, got ${peer.id.toString()}`);
  if (typeof answer === 'string') return denied(answer);
  throw badAnswer(answer);
}

function toTrustDomains(given: Iterable<TrustDomain | string> | 'any'): ReadonlySet<TrustDomain> | 'any' {
  if (given === 'any') return 'any';
  if (typeof given === 'string' || typeof given?.[Symbol.iterator] !== 'function') {
    throw badAuthorizer(`authorizeWith wants a list of trustDomains or 'any', got ${kindOf(given)}`);
  }
  const trustDomains = new Set(Array.from(given, (one) => toTrustDomain(one)));
  if (trustDomains.size === 0)
    throw badAuthorizer("authorizeWith wants at least one of trustDomains, or 'any'");
  return trustDomains;
}

function requireKind(what: string, kind: 'string' | 'function', value: unknown): void {
  if (typeof value === kind && value !== '') return;
  throw badAuthorizer(`authorizeWith wants ${what}, got ${value === '' ? 'an empty one' : kindOf(value)}`);
}

function toId(id: SpiffeId | string): SpiffeId {
  return SpiffeId.parse(typeof id === 'object' && id !== null ? id.toString() : id);
}

/**
 * Names the first few of many IDs.
 *
 * @internal
 */
export function describeIds(ids: readonly string[]): string {
  if (ids.length === 1) return ids.join('');
  const more = ids.length > NAMED ? ` or ${ids.length - NAMED} more` : '';
  return `one of ${ids.slice(0, NAMED).join(', ')}${more}`;
}
