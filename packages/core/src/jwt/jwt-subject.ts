import { type AuthorizedSubject } from '../authorizer.ts';
import { type DenyList } from '../deny-list.ts';
import { SpiffeError } from '../errors.ts';
import { type VerifiedJwtSvid } from './jwt-svid.ts';

/**
 * Who showed a token, for an authorizer. There is no certificate: an authorizer that wants to see one fails, and so
 * refuses.
 */
export function jwtSubject({ id }: VerifiedJwtSvid): AuthorizedSubject {
  return {
    id,
    get leaf(): never {
      throw new SpiffeError('ERR_PEER_UNVERIFIED', 'there is no certificate: this peer is proven by a token');
    },
  };
}

/**
 * Refuses who is denied, whatever the token says. Only the IDs of the list count: a token has no key of its subject.
 *
 * @throws {@link SpiffeError} `ERR_PEER_DENIED`.
 */
export function requireNotDenied(deny: DenyList | undefined, { id }: VerifiedJwtSvid): void {
  const reason = deny?.reason({ id, leaf: undefined });
  if (reason === undefined) return;
  const peer = id.toString();
  throw new SpiffeError('ERR_PEER_DENIED', `peer ${peer} is denied: ${reason}`, { peer });
}
