const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['year', 365 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

/**
 * An instant as seen from another: `in 48 minutes`, `3 days ago`, `now`. In whole units, never more than is left.
 *
 * @param atMs - the instant, in milliseconds since the Unix epoch.
 * @param nowMs - from where to look.
 */
export function relativeTime(atMs: number, nowMs: number): string {
  const distance = Math.abs(atMs - nowMs);
  // Two units at least, so that "1 hour" is not said of 119 minutes.
  const [name, size] = UNITS.find(([, ms]) => distance >= 2 * ms) ?? ['second', 1000];
  const count = Math.floor(distance / size);
  if (count === 0) return 'now';
  const amount = `${count} ${name}${count === 1 ? '' : 's'}`;
  return atMs > nowMs ? `in ${amount}` : `${amount} ago`;
}

/** `2026-11-23 09:00:00 UTC, in 48 minutes`. */
export function absoluteAndRelative(at: string, nowMs: number): string {
  return `${at.slice(0, 10)} ${at.slice(11, 19)} UTC, ${relativeTime(Date.parse(at), nowMs)}`;
}
