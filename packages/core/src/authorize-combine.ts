import {
  ALLOWED,
  type AuthorizedSubject,
  type Authorizer,
  badAuthorizer,
  type Decision,
  defineAuthorizer,
  denied,
  followPolicy,
  followsPolicy,
  requireAuthorizer,
} from './authorizer.ts';
import { decide } from './check-authorized.ts';
import { toTrustDomain, type TrustDomain } from './trust-domain.ts';

/**
 * Lets in whom every one of `authorizers` lets in. Its trust domains are those that all of them declare.
 *
 * A member that fails (throws, or gives no decision) refuses, unless another one refuses anyway; the failure is kept
 * apart from a refusal, so that {@link not} never turns it into a yes.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER` without members, and when no trust domain is common to all, so
 * that nobody could ever be let in.
 */
export function allOf(...authorizers: readonly Authorizer[]): Authorizer {
  const members = requireMembers(authorizers, 'allOf');
  const description = join(members, ' and ');
  const trustDomains = intersect(members);
  // What follows a policy can come to have a trust domain in common with the others.
  if (trustDomains !== 'any' && trustDomains.size === 0 && !members.some(followsPolicy)) {
    throw badAuthorizer(`allOf can let in nobody: no trust domain is common to ${description}`);
  }
  return combination(members, intersect, description, (peer) => {
    const { refusals, failures } = askAll(members, peer);
    const [refusal] = refusals;
    if (refusal !== undefined) return denied(refusal);
    rethrow(failures);
    return ALLOWED;
  });
}

/**
 * Lets in whom at least one of `authorizers` lets in. Its trust domains are those of all of them together.
 *
 * A member that fails counts for nothing when another one says yes; otherwise the whole fails, which refuses the
 * peer, also inside {@link not}.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER` without members.
 */
export function anyOf(...authorizers: readonly Authorizer[]): Authorizer {
  const members = requireMembers(authorizers, 'anyOf');
  return combination(members, unite, join(members, ' or '), (peer) => {
    const { allowed, refusals, failures } = askAll(members, peer);
    if (allowed > 0) return ALLOWED;
    rethrow(failures);
    return denied(refusals.join('; '));
  });
}

/**
 * Lets in whom `member` refuses, of every trust domain whose bundle we hold: nearly always to be used inside
 * {@link allOf}, beside what bounds it.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function not(member: Authorizer): Authorizer {
  const inner = requireAuthorizer(member, 'not');
  return defineAuthorizer('any', `not ${inner.description}`, (peer) => !decide(inner, peer).allowed);
}

function combination(
  members: readonly Authorizer[],
  combine: (members: readonly Authorizer[]) => Authorizer['trustDomains'],
  description: string,
  authorize: (peer: AuthorizedSubject) => Decision,
): Authorizer {
  if (!members.some(followsPolicy)) {
    return Object.freeze({ trustDomains: combine(members), description, authorize });
  }
  return followPolicy({
    get trustDomains() {
      return combine(members);
    },
    description,
    authorize,
  });
}

function requireMembers(authorizers: readonly Authorizer[], where: string): readonly Authorizer[] {
  if (authorizers.length === 0) throw badAuthorizer(`${where} wants at least one authorizer, got none`);
  return authorizers.map((member) => requireAuthorizer(member, where));
}

interface Answers {
  readonly allowed: number;
  readonly refusals: readonly string[];
  readonly failures: readonly unknown[];
}

// All are asked, so that their order never changes the outcome when one of them fails.
function askAll(members: readonly Authorizer[], peer: AuthorizedSubject): Answers {
  let allowed = 0;
  const refusals: string[] = [];
  const failures: unknown[] = [];
  for (const member of members) {
    try {
      const decision = decide(member, peer);
      if (decision.allowed) allowed++;
      else refusals.push(decision.reason);
    } catch (error) {
      failures.push(error);
    }
  }
  return { allowed, refusals, failures };
}

function rethrow(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0];
}

function unite(members: readonly Authorizer[]): ReadonlySet<TrustDomain> | 'any' {
  const union = new Set<TrustDomain>();
  for (const { trustDomains } of members) {
    if (trustDomains === 'any') return trustDomains;
    for (const trustDomain of trustDomains) union.add(toTrustDomain(trustDomain));
  }
  return union;
}

function intersect(members: readonly Authorizer[]): ReadonlySet<TrustDomain> | 'any' {
  let common: TrustDomain[] | undefined;
  for (const { trustDomains } of members) {
    if (trustDomains === 'any') continue;
    const named = new Set(Array.from(trustDomains, (one) => toTrustDomain(one)));
    common = common?.filter((one) => named.has(one)) ?? [...named];
  }
  return common === undefined ? 'any' : new Set(common);
}

function join(members: readonly Authorizer[], word: string): string {
  const phrases = members.map(({ description }) => description);
  return phrases.length === 1 ? phrases.join('') : `(${phrases.join(word)})`;
}
