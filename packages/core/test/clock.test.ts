import { queryObjects } from 'node:v8';

import { describe, expect, it } from 'vitest';

import { systemClock } from '../src/clock.ts';

/** How many delays Node.js keeps for timers. */
function delaysKept(): number {
  const timer = setTimeout(() => {}, 987_654_321) as NodeJS.Timeout & { readonly _idlePrev: object };
  const count = queryObjects(timer._idlePrev.constructor, { format: 'count' });
  clearTimeout(timer);
  return count;
}

describe('the clock of this machine', () => {
  it.each(['referenced', 'unreferenced'])('leaves nothing of %s timers that were cleared', (kind) => {
    const before = delaysKept();
    const timers = Array.from({ length: 50 }, (_, i) => systemClock.setTimer(() => {}, 123_456_789 + i));
    if (kind === 'unreferenced') for (const timer of timers) timer.unref();
    expect(delaysKept()).toBe(before + 50);
    for (const timer of timers) timer.clear();
    expect(delaysKept()).toBeLessThanOrEqual(before + 1);
  });

  it('clears a timer again, or one that has fired, without harm', async () => {
    const fired = await new Promise<ReturnType<typeof systemClock.setTimer>>((resolve) => {
      const timer = systemClock.setTimer(() => resolve(timer), 0);
    });
    expect(() => {
      fired.clear();
      fired.clear();
    }).not.toThrow();
  });
});
