import { type Clock, type Timer } from '@svidkit/core';

/** One timer for all that a source waits for: it wakes at the earliest instant asked for. */
export class WakeTimer {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #timer: Timer | undefined;
  #at = Infinity;
  #isReferenced = true;

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Wakes at `at` (milliseconds since the Unix epoch), or earlier if that was asked for before. */
  by(at: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#at = Infinity;
        this.#timer = undefined;
        this.#wake();
      },
      Math.max(0, Math.ceil(at - this.#clock.now())),
    );
    if (!this.#isReferenced) this.#timer.unref();
  }

  /** Waits for nothing any more. */
  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#at = Infinity;
  }

  /** From now on the process can end although it waits. */
  unref(): void {
    this.#isReferenced = false;
    this.#timer?.unref();
  }
}
