import { type Failure, type FromChild, type HopTally } from '../messages.ts';
import { type HopName, HOPS } from '../topology.ts';

/** Counts what one process does, and hands the counts on in instalments. */
export class Meter {
  readonly #from: string;
  #served = 0;
  #failed = 0;
  #failures: Failure[] = [];
  #hops: Partial<Record<HopName, HopTally>> = {};

  constructor(from: string) {
    this.#from = from;
  }

  /** Makes one request and counts it. A failure is counted and kept, and never tried again. */
  async request(hop: HopName, send: () => Promise<void>): Promise<void> {
    const begun = performance.now();
    const tally = (): HopTally => (this.#hops[hop] ??= { requests: 0, failed: 0, latencies: [] });
    tally().requests += 1;
    try {
      await send();
      tally().latencies.push(Math.round((performance.now() - begun) * 100) / 100);
    } catch (error) {
      tally().failed += 1;
      const { to, client, server } = HOPS[hop];
      this.fail(`${hop} to ${to} (${client} to ${server})`, error);
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
    if (this.#served + this.#failed === 0 && Object.keys(this.#hops).length === 0) return undefined;
    const tally = {
      type: 'tally',
      served: this.#served,
      hops: this.#hops,
      failed: this.#failed,
      failures: this.#failures,
    } as const;
    this.#served = 0;
    this.#failed = 0;
    this.#failures = [];
    this.#hops = {};
    return tally;
  }
}

/** Code and message of an error, causes included. */
export function describeError(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) };
  const inner = error.cause instanceof Error ? describeError(error.cause) : undefined;
  const { code = inner?.code ?? error.name } = error as NodeJS.ErrnoException;
  // OpenSSL ends its lines.
  const message = error.message.replaceAll(/\s+/g, ' ').trim();
  const isNews = inner !== undefined && !message.includes(inner.message);
  return { code, message: isNews ? `${message} (${inner.message})` : message };
}
