/** What a process held after so many rotations, after a garbage collection. Sizes in bytes. */
export interface Sample {
  readonly rotations: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly descriptors: number;
}

/** How a process grew over the later half of a run. Bytes for each rotation, descriptors in all. */
export interface Growth {
  readonly from: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly descriptors: number;
}

/** The shortest run of which growth can be told: the half that is looked at must be long enough for its noise. */
export const MEASURABLE = 6_000;

/**
 * The growth over the later half, as the slope of the straight line that fits its samples best. Two single samples would
 * not do: what V8 and malloc keep in reserve differs by some MiB from one to the next.
 *
 * @returns undefined for a run of less than {@link MEASURABLE} rotations.
 */
export function growthOf(samples: readonly Sample[]): Growth | undefined {
  const last = samples.at(-1);
  if (last === undefined || last.rotations < MEASURABLE) return undefined;
  const later = samples.filter(({ rotations }) => rotations >= last.rotations / 2);
  const slope = (of: (sample: Sample) => number): number => Math.round(slopeOf(later, of));
  return {
    from: later[0]?.rotations ?? 0,
    rss: slope(({ rss }) => rss),
    heapUsed: slope(({ heapUsed }) => heapUsed),
    external: slope(({ external }) => external),
    descriptors: last.descriptors - (later[0]?.descriptors ?? 0),
  };
}

/** Least squares. */
function slopeOf(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const x = mean(samples.map(({ rotations }) => rotations));
  const y = mean(samples.map((sample) => of(sample)));
  const products = samples.map((sample) => (sample.rotations - x) * (of(sample) - y));
  return mean(products) / mean(samples.map(({ rotations }) => (rotations - x) ** 2));
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
