/** A number of at least 0 and below 1, as `Math.random` gives. */
export type Random = () => number;

/** The pauses before reading again what could not be read, in milliseconds. */
const RETRY_DELAYS_MS = [20, 50, 100, 200, 500, 1_000];

/** The pause before the next look after `failures` failures in a row (1 is the first). */
export function retryDelay(failures: number, random: Random): number {
  const delay = RETRY_DELAYS_MS[failures - 1];
  // Spread, so that all readers of one volume do not come back at once.
  return delay === undefined ? fastPollDelay(random) : delay * (1 + random() / 5);
}

/** The pause between looks while something is wrong or overdue: 1 to 2 s. */
export function fastPollDelay(random: Random): number {
  return 1_000 + random() * 1_000;
}

/** Polls of all sources fall on multiples of this, so that ten thousand of them wake the process ten times a second. */
const BEAT_MS = 100;

/**
 * When to look again: `intervalMs` +-20 % after `now`.
 *
 * @param now - milliseconds since the Unix epoch, as the result.
 */
export function nextPoll(now: number, intervalMs: number, random: Random): number {
  const at = now + intervalMs * (0.8 + random() * 0.4);
  return intervalMs < 10 * BEAT_MS ? at : Math.floor(at / BEAT_MS) * BEAT_MS;
}

/** The pause before watching again after it failed `failures` times in a row: from 1 s doubling to 60 s. */
export function rearmDelay(failures: number, random: Random): number {
  return Math.min(1_000 * 2 ** (failures - 1), 60_000) * (1 + random() / 5);
}
