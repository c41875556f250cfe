import { setImmediate } from 'node:timers/promises';

import { onTestFinished } from 'vitest';

/** Several who ask again and again, until they are stopped or their test is over, however it ended. */
export interface Load {
  /**
   * Waits until so many more answers came.
   *
   * @throws the first failure of any of them.
   */
  more(count: number): Promise<void>;
  /** Waits for the answers on their way. Gives the number of all answers, and every failure. */
  stop(): Promise<{ readonly answers: number; readonly failures: readonly unknown[] }>;
}

/** Asks in `width` places at a time. */
export function load(width: number, ask: () => Promise<void>): Load {
  const running = new AbortController();
  onTestFinished(() => running.abort());
  const answered = { count: 0 };
  const failures: unknown[] = [];
  const one = async (): Promise<void> => {
    while (!running.signal.aborted) {
      try {
        await ask();
        answered.count += 1;
      } catch (error) {
        failures.push(error);
        // One that fails at once must not keep the event loop to itself.
        await setImmediate();
      }
    }
  };
  const all = Promise.all(Array.from({ length: width }, one));
  return {
    async more(count) {
      const until = answered.count + count;
      while (answered.count < until) {
        running.signal.throwIfAborted();
        if (failures.length > 0) throw failures[0];
        await setImmediate();
      }
    },
    async stop() {
      running.abort();
      await all;
      return { answers: answered.count, failures };
    },
  };
}
