import { SpiffeError, type SpiffeErrorCode, type SpiffeErrorOptions } from '../errors.ts';

/** The codes of a token that is not accepted. */
type TokenErrorCode = Extract<SpiffeErrorCode, `ERR_JWT_${string}` | `ERR_WIT_${string}`>;

/** Makes the error for what was wanted of a token and what came. */
export type TokenError = (
  code: TokenErrorCode,
  want: string,
  got: string,
  options?: SpiffeErrorOptions,
) => SpiffeError;

/**
 * Errors about one kind of token. Never the token: `got` names kinds, lengths and values of single claims, and nothing
 * of what a library said is kept as a cause.
 *
 * @param what - the kind, as messages begin: `JWT-SVID`.
 */
export function tokenErrors(what: string): TokenError {
  return (code, want, got, options = {}) =>
    new SpiffeError(code, `${what}: want ${want}, got ${got}`, options);
}
