import { type Clock } from '@svidkit/core';

/** How long to wait, and what ends it before. */
export interface OpeningOptions {
  readonly clock: Clock;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
  /** What is thrown when the time is over. */
  readonly timeout: () => Error;
}

/** The wait for the first state of a source. */
export class Opening {
  readonly #done = Promise.withResolvers<void>();

  /** It is there. */
  resolve(): void {
    this.#done.resolve();
  }

  /** It cannot come. */
  reject(error: Error): void {
    this.#done.reject(error);
  }

  /**
   * Waits, after calling `begin`.
   *
   * @throws what {@link Opening.reject} was given, the time-out, or the reason of the signal.
   */
  async wait({ clock, limitMs, signal, timeout }: OpeningOptions, begin: () => void): Promise<void> {
    signal?.throwIfAborted();
    const onAbort = (): void => this.#done.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const deadline = clock.setTimer(() => this.#done.reject(timeout()), limitMs);
    try {
      begin();
      await this.#done.promise;
    } finally {
      deadline.clear();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
