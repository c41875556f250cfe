const TICK_MS = 10;
const MOST_MS = 25;

/**
 * Measures time in which this machine got something done: where ticks come late, the lateness does not count. So a bound
 * on what an implementation may take is none on how busy the machine is.
 */
export class AwakeTime {
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();
  #sum = 0;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Milliseconds since it was made. */
  get ms(): number {
    this.#tick();
    return Math.round(this.#sum);
  }

  /** Stops measuring. */
  end(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    this.#sum += Math.min(now - this.#last, MOST_MS);
    this.#last = now;
  }
}
