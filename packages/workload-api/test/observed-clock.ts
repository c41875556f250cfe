import { type Clock } from '@svidkit/core';
import { type ManualClock, manualClock } from '@svidkit/testkit';

/** What each stream has for its first message, in milliseconds: the one timer that no test here waits for. */
export const FIRST_MESSAGE_MS = 20_000;

/** A manual clock that tells of each timer when it is set, so that a test need not guess when to move on. */
export interface ObservedClock extends ManualClock {
  /** The delays of all timers so far, in milliseconds, but for {@link FIRST_MESSAGE_MS}. */
  readonly delays: readonly number[];
  /** Resolves when `count` of them have been set. */
  timers(count: number): Promise<void>;
  /** Resolves when a timer of this many milliseconds has been set. */
  timer(delayMs: number): Promise<void>;
}

/** Begins a minute ahead, so that what a test CA issues is valid. */
export function observedClock(): ObservedClock {
  const clock = manualClock(Date.now() + 60_000);
  const delays: number[] = [];
  const waiting = new Set<() => void>();
  const setTimer: Clock['setTimer'] = (callback, delayMs) => {
    const timer = clock.setTimer(callback, delayMs);
    if (delayMs === FIRST_MESSAGE_MS) return timer;
    delays.push(delayMs);
    for (const look of waiting) look();
    return timer;
  };
  const until = (fits: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!fits()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    ...clock,
    get pending() {
      return clock.pending;
    },
    setTimer,
    delays,
    timers: (count) => until(() => delays.length >= count),
    timer: (delayMs) => until(() => delays.includes(delayMs)),
  };
}
