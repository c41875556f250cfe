import { SpiffeError } from '../errors.ts';
import { jwtError } from './jwt-error.ts';
import { type JwtSvid } from './jwt-svid.ts';
import { describeRequest, fits, type WantedJwtSvid } from './read-request.ts';

/**
 * The best of tokens that are at hand: for all that were asked for and as few others as possible, and of those the one
 * that lives longest.
 *
 * @param now - milliseconds since the Unix epoch.
 * @throws {@link SpiffeError} `ERR_JWT_UNAVAILABLE`, `ERR_SOURCE_EXPIRED` when the only ones that would do have expired.
 */
export function pickJwtSvid(svids: Iterable<JwtSvid>, wanted: WantedJwtSvid, now: number): JwtSvid {
  const fitting = [...svids].filter((svid) => fits(svid, wanted));
  const [best] = fitting
    .filter(({ expiry }) => now < expiry)
    .toSorted((a, b) => a.audience.length - b.audience.length || b.expiry - a.expiry);
  if (best !== undefined) return best;
  const [expired] = fitting.toSorted((a, b) => b.expiry - a.expiry);
  const what = describeRequest(wanted);
  if (expired === undefined) {
    throw jwtError('ERR_JWT_UNAVAILABLE', `a token for ${what}`, 'none', {
      hint: 'Let what issues or writes tokens make one for this audience.',
    });
  }
  throw new SpiffeError(
    'ERR_SOURCE_EXPIRED',
    `want a token for ${what} that is valid now (${new Date(now).toISOString()}), got one that expired at ${new Date(expired.expiry).toISOString()}`,
    { hint: 'Find out why renewal stopped, and check the clock of this machine.' },
  );
}
