import { SpiffeError } from '@svidkit/core';

/** A number of at least 0 and below 1, as `Math.random` gives. */
export type Random = () => number;

/** How long a watch waits before it tries again: from `initialMs`, doubling up to `maxMs`, each +-20 %. */
export interface BackoffOptions {
  /** Milliseconds before the first repetition; at least 1. @default 200 */
  readonly initialMs?: number;
  /** Milliseconds between two tries at most. @default 10000 */
  readonly maxMs?: number;
}

const SPREAD = 0.2;

/** The pauses between tries: they double until something succeeds. Workload API, appendix A. */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #failures = 0;

  /** @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. */
  constructor({ initialMs = 200, maxMs = 10_000 }: BackoffOptions, random: Random) {
    if (!(initialMs >= 1 && maxMs >= initialMs && maxMs <= Number.MAX_SAFE_INTEGER)) {
      throw new SpiffeError(
        'ERR_CONFIG_OPTION',
        `want 1 <= initialMs <= maxMs as option backoff, got ${initialMs} and ${maxMs}`,
      );
    }
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** The next pause in milliseconds. */
  next(): number {
    const delay = Math.min(this.#initialMs * 2 ** Math.min(this.#failures, 50), this.#maxMs);
    this.#failures++;
    // Spread, so that all workloads of a machine do not come back at once when its agent does.
    return delay * (1 - SPREAD + this.#random() * 2 * SPREAD);
  }

  /** Something succeeded: the next pause is a short one. */
  reset(): void {
    this.#failures = 0;
  }
}
