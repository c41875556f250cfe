import { type AuthorizedSubject } from '../authorizer.ts';
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
