import { type TokenError, tokenErrors } from '../jws/token-error.ts';

/** What was wanted of a JWT-SVID and what came. */
export const jwtError: TokenError = tokenErrors('JWT-SVID');
