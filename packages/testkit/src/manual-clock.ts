import { type Clock, SpiffeError, type Timer } from '@svidkit/core';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Lets `ms` milliseconds pass. Timers that fall due fire synchronously, in the order of their due times (equal
   * times: in the order they were set), each with `now()` at its own due time; timers that they set fire within
   * the same call when they fall due in it. An error of a callback comes out of this call, with the clock at
   * that timer's due time; call again to go on.
   *
   * @param ms - finite, at least 0. `advance(0)` fires what is due now.
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when `ms` is not such a number, or when timers keep setting
   * timers without time passing.
   */
  advance(ms: number): void;
  /**
   * Makes `now()` jump to `epochMs`, as when a machine's clock is corrected. No timer fires, and each keeps the
   * delay it has left: timers measure elapsed time, not the time of day.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when `epochMs` is not finite.
   */
  set(epochMs: number): void;
  /** How many timers are set and have neither fired nor been cleared. */
  readonly pending: number;
}

interface PendingTimer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Callbacks per `advance` after which it is taken for a loop. */
const CALLBACK_LIMIT = 100_000;

/**
 * A deterministic {@link Clock}: inject it, then move it with `advance`.
 *
 * @param startMs - what `now()` says at first, in milliseconds since the Unix epoch. Default: the time of this
 * machine, so that certificates issued by the same clock are valid for everyone.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when `startMs` is not finite.
 */
export function manualClock(startMs: number = Date.now()): ManualClock {
  let wallOffset = finite('startMs', startMs);
  let elapsed = 0;
  let order = 0;
  const timers = new Set<PendingTimer>();

  return {
    now: () => wallOffset + elapsed,
    setTimer(callback, delayMs): Timer {
      const due = elapsed + Math.max(0, finite('delayMs', delayMs));
      const timer: PendingTimer = { due, order: order++, callback };
      timers.add(timer);
      return { clear: () => void timers.delete(timer), unref: () => undefined };
    },
    advance(ms) {
      if (!(finite('ms', ms) >= 0)) throw new SpiffeError('ERR_CONFIG_OPTION', `want ms >= 0, got ${ms}`);
      const end = elapsed + ms;
      let calls = 0;
      for (let timer = earliest(timers); timer !== undefined && timer.due <= end; timer = earliest(timers)) {
        if (++calls > CALLBACK_LIMIT) {
          throw new SpiffeError(
            'ERR_CONFIG_OPTION',
            `more than ${CALLBACK_LIMIT} timers fired in one advance`,
            {
              hint: 'A timer sets the next one with a delay of zero; give it a delay.',
            },
          );
        }
        timers.delete(timer);
        elapsed = timer.due;
        timer.callback();
      }
      // A callback may itself have advanced the clock, perhaps past this end.
      elapsed = Math.max(elapsed, end);
    },
    set(epochMs) {
      wallOffset = finite('epochMs', epochMs) - elapsed;
    },
    get pending() {
      return timers.size;
    },
  };
}

function earliest(timers: Iterable<PendingTimer>): PendingTimer | undefined {
  let first: PendingTimer | undefined;
  for (const timer of timers) {
    if (
      first === undefined ||
      timer.due < first.due ||
      (timer.due === first.due && timer.order < first.order)
    ) {
      first = timer;
    }
  }
  return first;
}

function finite(option: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `want a finite number of milliseconds as ${option}, got ${value}`,
  );
}
