import { createHash, randomBytes } from 'node:crypto';

/** A seed for a run, as hexadecimal digits. */
export function newSeed(): string {
  return randomBytes(4).toString('hex');
}

/** The entries in an order that the seed decides. */
export function seededOrder<T>(
  entries: readonly T[],
  seed: string,
  keyOf: (entry: T) => string,
): readonly T[] {
  return entries
    .map((entry) => ({
      entry,
      rank: createHash('sha256')
        .update(`${seed}\n${keyOf(entry)}`)
        .digest('hex'),
    }))
    .toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ entry }) => entry);
}
