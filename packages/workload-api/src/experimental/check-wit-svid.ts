import {
  badTokenOption,
  checkTokenTime,
  kindOf,
  millisecondsOf,
  proveJws,
  timeSettings,
  type TokenTimeOptions,
} from '@svidkit/core/jws';

import { readWit, type WitReading } from './read-wit.ts';
import { UnprovenWitSvid } from './unproven-wit-svid.ts';
import { requireWitBundle, type WitBundles } from './wit-bundle-set.ts';
import { WitBundle } from './wit-bundle.ts';
import { witError } from './wit-error.ts';

/** How to check a WIT-SVID. */
export interface CheckWitSvidOptions extends TokenTimeOptions {
  /**
   * The longest life of a token, from `nbf` to `exp`, in milliseconds. A token without `nbf` has none that could be
   * measured, and is refused then. Default: any.
   */
  readonly maxTokenMs?: number;
}

/**
 * The first half of validating the WIT-SVID of a peer: a key for WIT-SVIDs of its own subject's trust domain signed it,
 * and it is valid now. **Nobody is authenticated by that**: whoever has seen a WIT-SVID can show it. The other half is
 * {@link verifyWitProof}.
 *
 * @param token - in compact serialization, at most 16,384 characters.
 * @param bundles - whom to trust, and for which trust domain.
 * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_MALFORMED`, `ERR_JWT_TOO_LONG`, `ERR_JWT_HEADER`,
 * `ERR_JWT_ALGORITHM`, `ERR_JWT_KEY`, `ERR_JWT_CLAIM`, `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`, `ERR_JWT_SIGNATURE`,
 * `ERR_JWT_EXPIRED`, `ERR_JWT_NOT_YET_VALID`; `ERR_CONFIG_OPTION`.
 * @see WIT-SVID 4
 */
export async function checkWitSvid(
  token: string,
  bundles: WitBundles,
  options: CheckWitSvidOptions = {},
): Promise<UnprovenWitSvid> {
  requireCheckOptions(options);
  const settings = timeSettings(options);
  const reading = readWit(token);
  const peer = reading.id.toString();
  const bundle = requireWitBundle(bundles, reading.id.trustDomain, peer);
  await proveJws(reading.jws, WitBundle.keysOf(bundle), peer, witError);
  checkTokenTime(reading, settings, peer, witError);
  checkLife(reading, options.maxTokenMs);
  return new UnprovenWitSvid(reading);
}

/**
 * Tells what is wrong with options before there is a token.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function requireCheckOptions(options: CheckWitSvidOptions): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    throw badTokenOption('options', 'an object', kindOf(given));
  }
  timeSettings(options);
  if (options.maxTokenMs !== undefined) {
    millisecondsOf('maxTokenMs', options.maxTokenMs, Number.MAX_SAFE_INTEGER);
  }
}

/** WIT-SVID 3.5 */
function checkLife({ id, expiry, notBefore }: WitReading, most: number | undefined): void {
  if (most === undefined || (notBefore !== undefined && expiry - notBefore <= most)) return;
  const got = notBefore === undefined ? 'one without nbf' : `${expiry - notBefore} ms`;
  throw witError('ERR_JWT_CLAIM', `a token that lives at most ${most} ms`, got, { peer: id.toString() });
}
