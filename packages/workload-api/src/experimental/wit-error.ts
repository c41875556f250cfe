import { type TokenError, tokenErrors } from '@svidkit/core/jws';

/** What was wanted of a WIT-SVID and what came. */
export const witError: TokenError = tokenErrors('WIT-SVID');

/** What was wanted of a proof of possession and what came. */
export const proofError: TokenError = tokenErrors('proof of possession');
