import { type TokenTimes } from './token-claims.ts';
import { type TokenError } from './token-error.ts';
import { type TimeSettings } from './token-time-options.ts';

/**
 * Refuses a token that is not valid now: at `exp` it is over, at `nbf` it has begun. `iat` decides nothing.
 *
 * @param peer - whom it says to be of, for errors.
 * @throws {@link SpiffeError} `ERR_JWT_EXPIRED`, `ERR_JWT_NOT_YET_VALID`.
 * @see RFC 7519 4.1.4, 4.1.5; WIT-SVID 3.4, 3.5, 3.6
 */
export function checkTokenTime(
  { expiry, notBefore }: Pick<TokenTimes, 'expiry' | 'notBefore'>,
  { clock, leewayMs }: TimeSettings,
  peer: string,
  fail: TokenError,
): void {
  const now = clock.now();
  const clockSays = Number.isFinite(now) ? new Date(now).toISOString() : 'an unknown time';
  const got = (at: number): string => `${new Date(at).toISOString()} at ${clockSays}`;
  // Written so that a clock that gives no number refuses.
  if (!(now < expiry + leewayMs)) {
    throw fail('ERR_JWT_EXPIRED', 'a token that is valid now', `one until ${got(expiry)}`, { peer });
  }
  if (notBefore !== undefined && !(now >= notBefore - leewayMs)) {
    throw fail('ERR_JWT_NOT_YET_VALID', 'a token that is valid now', `one from ${got(notBefore)}`, { peer });
  }
}
