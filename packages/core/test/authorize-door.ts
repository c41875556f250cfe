import { type Authorizer } from '../src/authorizer.ts';
import { checkAuthorized } from '../src/check-authorized.ts';
import { type SpiffeError } from '../src/errors.ts';
import { SpiffeId } from '../src/spiffe-id.ts';
import { failureOf, outcomeOf } from './failure-of.ts';
import { realLeaf } from './real-leaf.ts';

/** The leaf that every peer in these tests shows. */
export const leaf: Awaited<ReturnType<typeof realLeaf>> = await realLeaf();

/** Whether the door opens for `id`; that it stays shut has to have the one code. */
export function admits(authorizer: Authorizer, id: string): boolean {
  const outcome = outcomeOf(() => knock(authorizer, id));
  if (outcome === 'accepted' || outcome === 'ERR_PEER_UNAUTHORIZED') return outcome === 'accepted';
  throw new Error(`the door answered with ${outcome}`);
}

/** Why the door stays shut for `id`. */
export function refusal(authorizer: Authorizer, id: string): SpiffeError {
  return failureOf(() => knock(authorizer, id));
}

/** The names of the trust domains that an authorizer declares. */
export function domainsOf({ trustDomains }: Authorizer): readonly string[] | 'any' {
  return trustDomains === 'any' ? 'any' : Array.from(trustDomains, ({ name }) => name).toSorted();
}

function knock(authorizer: Authorizer, id: string): void {
  checkAuthorized(authorizer, { id: SpiffeId.parse(id), leaf });
}
