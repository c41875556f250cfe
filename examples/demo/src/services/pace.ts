import { setTimeout as sleep } from 'node:timers/promises';

/** Work that goes on until it is stopped. */
export interface Pace {
  /** Begins nothing new; resolves when what is in flight is done. */
  stop(): Promise<void>;
}

/**
 * Does `task` at a steady pace, by so many hands that each waits for its own task to end: when tasks get slow, the
 * pace drops and nothing piles up.
 */
export function pace(perSecond: number, hands: number, task: () => Promise<void>): Pace {
  const stopped = new AbortController();
  const { signal } = stopped;
  const periodMs = (1000 * hands) / perSecond;

  const work = async (hand: number): Promise<void> => {
    let next = performance.now() + (periodMs * hand) / hands;
    while (!signal.aborted) {
      const wait = next - performance.now();
      if (wait > 1) await sleep(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await task();
      next = Math.max(next + periodMs, performance.now());
    }
  };
  const done = Promise.all(Array.from({ length: hands }, (_, hand) => work(hand)));
  return {
    async stop() {
      stopped.abort();
      await done;
    },
  };
}

/** Several of them, stopped together. */
export function together(...paces: readonly Pace[]): Pace {
  return { stop: async () => void (await Promise.all(paces.map((one) => one.stop()))) };
}
