import { type Failure, type FromChild } from '../messages.ts';

/** Counts what one process does, and hands the counts on in instalments. */
export class Meter {
  readonly #from: string;
  #requests = 0;
  #served = 0;
  #failed = 0;
  #failures: Failure[] = [];
  #latencies: number[] = [];

  constructor(from: string) {
    this.#from = from;
  }

  /** Makes one request and counts it. A failure is counted and kept, and never tried again. */
  async request(what: string, send: () => Promise<void>): Promise<void> {
    const begun = performance.now();
    this.#requests += 1;
    try {
      await send();
      this.#latencies.push(Math.round((performance.now() - begun) * 100) / 100);
    } catch (error) {
      this.fail(what, error);
    }
  }

  /** Counts a request that was answered. */
  served(): void {
    this.#served += 1;
  }

  /** Counts a failure. */
  fail(what: string, error: unknown): void {
    this.#failed += 1;
    const { code, message } = describeError(error);
    this.#failures.push({ at: new Date().toISOString(), from: this.#from, what, code, message });
  }

  /** What was counted since the last time; undefined when nothing was. */
  take(): (FromChild & { type: 'tally' }) | undefined {
    const { length } = this.#latencies;
    if (this.#requests + this.#served + this.#failed + length === 0) return undefined;
    const tally = {
      type: 'tally',
      requests: this.#requests,
      served: this.#served,
      failed: this.#failed,
      failures: this.#failures,
      latencies: this.#latencies,
    } as const;
    this.#requests = 0;
    this.#served = 0;
    this.#failed = 0;
    this.#failures = [];
    this.#latencies = [];
    return tally;
  }
}

/** Code and message of an error, causes included. */
export function describeError(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) };
  const { code = error.name, cause, message } = error as NodeJS.ErrnoException;
  return { code, message: cause instanceof Error ? `${message} (${describeError(cause).message})` : message };
}
