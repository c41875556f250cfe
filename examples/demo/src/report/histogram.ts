/** Percentiles of many durations in little memory, each within 4 percent. */
export class Histogram {
  readonly #buckets = new Map<number, number>();
  #count = 0;
  #max = 0;

  /** Adds a duration in milliseconds. */
  add(milliseconds: number): void {
    const bucket = Math.ceil(Math.log(Math.max(milliseconds, 0.01)) / STEP);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
    this.#count += 1;
    this.#max = Math.max(this.#max, milliseconds);
  }

  get count(): number {
    return this.#count;
  }

  /** The duration that a share (0 to 1) of all stays below, in milliseconds; 0 when there are none. */
  percentile(share: number): number {
    let left = this.#count * share;
    for (const bucket of [...this.#buckets.keys()].toSorted((a, b) => a - b)) {
      left -= this.#buckets.get(bucket) ?? 0;
      if (left <= 0) return Math.min(Math.exp(bucket * STEP), this.#max);
    }
    return this.#max;
  }

  /** The usual figures, in milliseconds. */
  toJSON(): { count: number; p50: number; p95: number; p99: number; max: number } {
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => round(this.percentile(share)));
    return { count: this.#count, p50: p50 ?? 0, p95: p95 ?? 0, p99: p99 ?? 0, max: round(this.#max) };
  }
}

const STEP = Math.log(1.04);

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
