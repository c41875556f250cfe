import { type Clock, SpiffeError, systemClock } from '@svidkit/core';
import { badTokenOption } from '@svidkit/core/jws';

/** Remembers which proofs were used. One that several servers share makes a proof usable once among all of them. */
export interface ReplayCache {
  /**
   * Remembers a use, at once and once only for each key.
   *
   * @param key - 43 characters of base64url.
   * @param until - how long it has to be remembered, in milliseconds since the Unix epoch.
   * @returns true when this is its first use. Anything else, and a failure, refuses the proof.
   */
  firstUse(key: string, until: number): boolean | Promise<boolean>;
}

/** Options of {@link createReplayCache}. */
export interface ReplayCacheOptions {
  /** How many uses are remembered at most; 1 to 10,000,000. @default 100_000 */
  readonly maxEntries?: number;
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
}

/**
 * A memory of used proofs in this process. It is bounded: when it is full of proofs that are still valid, new ones are
 * refused, since forgetting one would let it be used again.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`; `firstUse` throws `ERR_WIT_REPLAY` with blame `environment`.
 */
export function createReplayCache(options: ReplayCacheOptions = {}): ReplayCache {
  const { maxEntries = 100_000, clock = systemClock } = options;
  if (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries > 10_000_000) {
    throw badTokenOption('maxEntries', '1 to 10000000', String(maxEntries));
  }
  const uses = new Map<string, number>();
  let nextEnd = Number.POSITIVE_INFINITY;
  const forget = (now: number): void => {
    // Looked through once for each end, and not for each use while it is full.
    if (!(now >= nextEnd)) return;
    nextEnd = Number.POSITIVE_INFINITY;
    for (const [key, until] of uses) {
      if (now >= until) uses.delete(key);
      else nextEnd = Math.min(nextEnd, until);
    }
  };
  return Object.freeze<ReplayCache>({
    firstUse(key, until) {
      const now = clock.now();
      const known = uses.get(key);
      if (known !== undefined && !(now >= known)) return false;
      if (uses.size >= maxEntries) forget(now);
      if (uses.size >= maxEntries) {
        throw new SpiffeError('ERR_WIT_REPLAY', `the memory of ${maxEntries} used proofs is full`, {
          blame: 'environment',
          hint: 'Raise maxEntries, or lower maxProofMs.',
        });
      }
      uses.set(key, until);
      nextEnd = Math.min(nextEnd, until);
      return true;
    },
  });
}
