import { type Clock, systemClock, type Timer } from '@svidkit/core';

import { BadParams, isObject, type JsonObject } from './params.ts';

interface Waiting {
  readonly due: number;
  readonly callback: () => void;
  readonly real: Timer;
}

/** The time of this machine and what the kit has added to it, in milliseconds. */
let aheadMs = 0;
const waiting = new Set<Waiting>();

/** A clock that goes as the one of this machine does, and that the kit moves on. */
const kitClock: Clock = {
  now: () => systemClock.now() + aheadMs,
  setTimer(callback, delayMs) {
    const fire = (): void => {
      waiting.delete(one);
      callback();
    };
    const real = systemClock.setTimer(fire, delayMs);
    const one: Waiting = { due: kitClock.now() + Math.max(0, delayMs), callback, real };
    waiting.add(one);
    return {
      clear: () => {
        waiting.delete(one);
        real.clear();
      },
      unref: () => real.unref(),
    };
  },
};

/** The option of whatever has a clock, from the member `clock` of the `options` of a call. */
export function clockOf(params: JsonObject): { readonly clock?: Clock } {
  return isObject(params['options']) && params['options']['clock'] === true ? { clock: kitClock } : {};
}

/** `clock.advance`: what falls due on the way happens, in its order and at its time. */
export function advanceClock(params: JsonObject): JsonObject {
  const { ms } = params;
  if (typeof ms !== 'number' || !(ms >= 0)) throw new BadParams('ms: want a number of at least 0');
  const end = kitClock.now() + ms;
  for (;;) {
    const [next] = [...waiting].filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due);
    if (next === undefined) break;
    waiting.delete(next);
    next.real.clear();
    aheadMs += Math.max(0, next.due - kitClock.now());
    next.callback();
  }
  aheadMs += Math.max(0, end - kitClock.now());
  return {};
}

/** Sets the clock right. Nothing may be open. */
export function resetClock(): void {
  aheadMs = 0;
}
