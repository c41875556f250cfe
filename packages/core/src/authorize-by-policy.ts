import {
  type AuthorizedSubject,
  type Authorizer,
  badAuthorizer,
  type Decision,
  denied,
  followPolicy,
} from './authorizer.ts';
import { decide } from './check-authorized.ts';
import { type MigrationPolicySource } from './migration-policy.ts';
import { kindOf, quote } from './quote.ts';
import { type TrustDomain } from './trust-domain.ts';

const NONE: ReadonlySet<TrustDomain> = new Set();

/**
 * Lets in whom the policy allows under `name` at the time of the question: a change of the policy counts from the
 * next one on. Nobody while the policy does not have the name. Its trust domains change with it.
 *
 * @param name - of a service or route, as in `allow` of the policy.
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeByPolicy(policy: MigrationPolicySource, name: string): Authorizer {
  const given: { readonly current?: unknown; readonly onUpdate?: unknown } | null = policy;
  if (typeof given !== 'object' || given === null || typeof given.onUpdate !== 'function') {
    throw badAuthorizer(`authorizeByPolicy wants a migration policy, got ${kindOf(policy)}`);
  }
  if (typeof name !== 'string' || name === '') {
    throw badAuthorizer(`authorizeByPolicy wants a name, got ${name === '' ? 'an empty one' : kindOf(name)}`);
  }
  return followPolicy({
    get trustDomains() {
      return policy.current.allow.get(name)?.trustDomains ?? NONE;
    },
    description: `a peer that the policy allows as ${quote(name)}`,
    authorize(peer: AuthorizedSubject): Decision {
      const authorizer = policy.current.allow.get(name);
      if (authorizer === undefined) return denied(`the policy has no ${quote(name)}, which lets in nobody`);
      return decide(authorizer, peer);
    },
  });
}
