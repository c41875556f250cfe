/** A timer that is running. */
export interface Timer {
  /** Stops it. Harmless when it has fired or is stopped. */
  clear(): void;
  /** Lets the process end although it is running. */
  unref(): void;
}

/** Where time comes from: injected, so that tests decide what time it is and when timers fire. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `callback` once after `delayMs` milliseconds (any finite number; at most zero means soon). */
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** The longest delay that `setTimeout` takes; beyond it, it fires at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The time of this machine. Delays of any length are kept. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, delayMs) {
    const due = performance.now() + delayMs;
    let referenced = true;
    let timeout: NodeJS.Timeout;
    const arm = (left: number): void => {
      timeout = setTimeout(
        () => {
          const rest = due - performance.now();
          if (rest > 1) arm(rest);
          else callback();
        },
        Math.min(Math.max(left, 0), LONGEST_TIMEOUT_MS),
      );
      if (!referenced) timeout.unref();
    };
    arm(delayMs);
    return {
      // Node.js forgets a delay that nothing waits for any more only when a referenced timer is cleared; the delays until
      // expiries are all different, and would be kept until each had passed.
      clear: () => clearTimeout(timeout.ref()),
      unref: () => {
        referenced = false;
        timeout.unref();
      },
    };
  },
};
