import { type CompactJwsOptions } from '../jws/read-compact-jws.ts';
import { jwtError } from './jwt-error.ts';

/** JWT-SVID 2.3: what a JWT-SVID may say to be. A token of another kind is none (ID-25). */
export const JWT_FORM: Pick<CompactJwsOptions, 'types' | 'fail'> = {
  types: new Set([undefined, 'JWT', 'JOSE']),
  fail: jwtError,
};
