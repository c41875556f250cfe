import { SpiffeError, type SpiffeErrorCode, type SpiffeErrorOptions } from '../errors.ts';

/** The codes of a token that is not accepted. */
export type JwtErrorCode = Extract<SpiffeErrorCode, `ERR_JWT_${string}`>;

/**
 * What was wanted of a token and what came. Never the token: `got` names kinds, lengths and values of single claims,
 * and nothing of what a library said is kept as a cause.
 */
export function jwtError(
  code: JwtErrorCode,
  want: string,
  got: string,
  options: SpiffeErrorOptions = {},
): SpiffeError {
  return new SpiffeError(code, `JWT-SVID: want ${want}, got ${got}`, options);
}
