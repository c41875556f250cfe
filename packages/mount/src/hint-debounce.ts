import { type Clock } from '@svidkit/core';

/** How many hints between two looks may each cost a look at the `..data` link. */
const SWAP_CHECKS = 32;

/** Turns a burst of hints into one look when it is quiet again, or after ten times the pause at the latest. */
export class HintDebounce {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  #firstAt: number | undefined;
  #lastAt = 0;
  #count = 0;

  constructor(clock: Clock, pauseMs: number) {
    this.#clock = clock;
    this.#pauseMs = pauseMs;
  }

  /** When to look, in milliseconds since the Unix epoch; undefined when there was no hint. */
  get dueAt(): number | undefined {
    if (this.#firstAt === undefined) return undefined;
    return Math.min(this.#lastAt + this.#pauseMs, this.#firstAt + 10 * this.#pauseMs);
  }

  /** Counts a hint. Whether it is among the first, for which a small look at once is not too much. */
  hint(): boolean {
    this.#lastAt = this.#clock.now();
    this.#firstAt ??= this.#lastAt;
    return ++this.#count <= SWAP_CHECKS;
  }

  /** A look begins. When the first hint since the last one came, if there was any. */
  take(): number | undefined {
    const firstAt = this.#firstAt;
    this.#firstAt = undefined;
    this.#count = 0;
    return firstAt;
  }
}
