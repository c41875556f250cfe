/** The median of paired ratios with its 95 % interval. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly batches: number;
}

/** The median of `values`, which are not empty. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The `q`-quantile of `values`, interpolated. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * The median of the ratios of batches that ran side by side, and the 95 % interval of that median by order
 * statistics (no assumption about the distribution).
 */
export function pairedRatio(ours: readonly number[], baseline: readonly number[]): Ratio {
  const ratios = ours.map((value, i) => value / (baseline[i] ?? Number.NaN)).toSorted((a, b) => a - b);
  const n = ratios.length;
  // Ranks n/2 -+ 1.96 sqrt(n)/2 of the sorted values enclose the median in 95 % of all samples.
  const spread = (1.96 * Math.sqrt(n)) / 2;
  const at = (rank: number): number => ratios[Math.min(n - 1, Math.max(0, rank))] ?? Number.NaN;
  return {
    median: median(ratios),
    low: at(Math.floor(n / 2 - spread) - 1),
    high: at(Math.ceil(n / 2 + spread)),
    batches: n,
  };
}
