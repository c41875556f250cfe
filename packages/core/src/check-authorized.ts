import {
  ALLOWED,
  type AuthorizedSubject,
  type Authorizer,
  badAnswer,
  type Decision,
  denied,
} from './authorizer.ts';
import { SpiffeError } from './errors.ts';
import { kindOf } from './quote.ts';

/**
 * Asks `authorizer` about a verified peer, and returns only when it said yes. The one door through which every
 * decision goes, and it fails closed: a throw, a promise, an answer that is no {@link Decision}, and a peer outside
 * the trust domains the authorizer declared are refusals.
 *
 * @throws {@link SpiffeError} `ERR_PEER_UNAUTHORIZED`, with the reason; `blame` is `caller` when the authorizer
 * itself failed.
 */
export function checkAuthorized(authorizer: Authorizer, peer: AuthorizedSubject): void {
  let decision: Decision;
  try {
    decision = decide(authorizer, peer);
  } catch (cause) {
    throw new SpiffeError(
      'ERR_PEER_UNAUTHORIZED',
      `peer ${peer.id.toString()} is not authorized: the authorizer failed: ${cause instanceof Error ? cause.message : kindOf(cause)}`,
      {
        blame: 'caller',
        cause,
        peer: peer.id.toString(),
        hint: 'An authorizer answers synchronously with { allowed: true } or { allowed: false, reason }.',
      },
    );
  }
  if (decision.allowed) return;
  throw new SpiffeError(
    'ERR_PEER_UNAUTHORIZED',
    `peer ${peer.id.toString()} is not authorized: ${decision.reason}`,
    {
      peer: peer.id.toString(),
      hint: 'If this peer should be let in, change what is given as `authorize`.',
    },
  );
}

/**
 * One answer of one authorizer, held to what it declared. Failures are thrown and never turned into a refusal here,
 * because `not` would turn that into a yes.
 *
 * @internal
 */
export function decide(authorizer: Authorizer, peer: AuthorizedSubject): Decision {
  if (!declares(authorizer, peer)) {
    return denied(
      `want ${authorizer.description}, got ${peer.id.toString()}, which is of another trust domain`,
    );
  }
  return readDecision(authorizer.authorize(peer));
}

function declares(authorizer: Authorizer, peer: AuthorizedSubject): boolean {
  if (authorizer.trustDomains === 'any') return true;
  // By name: the set may come from another copy of this package, with trust domain objects of its own.
  for (const trustDomain of authorizer.trustDomains) {
    if (peer.id.trustDomain.equals(trustDomain)) return true;
  }
  return false;
}

function readDecision(answer: unknown): Decision {
  if (typeof answer !== 'object' || answer === null || !('allowed' in answer)) throw badAnswer(answer);
  // Own properties only: a polluted Object.prototype must not be able to say yes.
  if (!Object.hasOwn(answer, 'allowed') || 'then' in answer) throw badAnswer(answer);
  const { allowed } = answer;
  if (allowed === true) return ALLOWED;
  if (allowed !== false) throw new TypeError(`it answered with ${kindOf(allowed)} as "allowed"`);
  const reason = 'reason' in answer ? answer.reason : undefined;
  return denied(typeof reason === 'string' && reason !== '' ? reason : 'the authorizer gave no reason');
}
