import { expect, test } from 'vitest';

import { manualClock } from '../src/index.ts';

test('time stands still until it is advanced', () => {
  const clock = manualClock(1_000);
  expect(clock.now()).toBe(1_000);
  clock.advance(25);
  expect(clock.now()).toBe(1_025);
});

test('it starts at the time of the machine unless told otherwise', () => {
  const before = Date.now();
  const now = manualClock().now();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

test('timers fire in the order of their due times, each at its own time', () => {
  const clock = manualClock(0);
  const fired: [string, number][] = [];
  clock.setTimer(() => fired.push(['late', clock.now()]), 30);
  clock.setTimer(() => fired.push(['early', clock.now()]), 10);
  clock.setTimer(() => fired.push(['also early', clock.now()]), 10);
  clock.setTimer(() => fired.push(['never', clock.now()]), 31);
  clock.advance(30);
  expect(fired).toEqual([
    ['early', 10],
    ['also early', 10],
    ['late', 30],
  ]);
  expect(clock.now()).toBe(30);
  expect(clock.pending).toBe(1);
});

test('a timer one millisecond short of its time does not fire', () => {
  const clock = manualClock(0);
  let fired = 0;
  clock.setTimer(() => fired++, 10);
  clock.advance(9);
  expect(fired).toBe(0);
  clock.advance(1);
  expect(fired).toBe(1);
  clock.advance(100);
  expect(fired).toBe(1);
});

test('timers that timers set fire within the same advance, in due order', () => {
  const clock = manualClock(0);
  const fired: string[] = [];
  const tick = (): void => {
    fired.push(`tick ${clock.now()}`);
    clock.setTimer(tick, 10);
  };
  clock.setTimer(tick, 10);
  clock.setTimer(() => fired.push('between'), 25);
  clock.advance(35);
  expect(fired).toEqual(['tick 10', 'tick 20', 'between', 'tick 30']);
  expect(clock.now()).toBe(35);
});

test('a delay of zero or less fires at the next advance, not before', () => {
  const clock = manualClock(0);
  let fired = 0;
  clock.setTimer(() => fired++, 0);
  clock.setTimer(() => fired++, -5);
  expect(fired).toBe(0);
  clock.advance(0);
  expect(fired).toBe(2);
  expect(clock.now()).toBe(0);
});

test('a cleared timer does not fire and is not pending; unref changes nothing', () => {
  const clock = manualClock(0);
  let fired = 0;
  const cleared = clock.setTimer(() => fired++, 1);
  const kept = clock.setTimer(() => fired++, 1);
  kept.unref();
  cleared.clear();
  cleared.clear();
  expect(clock.pending).toBe(1);
  clock.advance(1);
  expect(fired).toBe(1);
  kept.clear();
  expect(clock.pending).toBe(0);
});

test('a timer cleared by another that is due at the same time does not fire', () => {
  const clock = manualClock(0);
  let fired = 0;
  clock.setTimer(() => second.clear(), 5);
  const second = clock.setTimer(() => fired++, 5);
  clock.advance(5);
  expect(fired).toBe(0);
});

test('set jumps the time of day: no timer fires, and each keeps the delay it has left', () => {
  const clock = manualClock(1_000);
  let firedAt = 0;
  clock.setTimer(() => (firedAt = clock.now()), 100);
  clock.advance(40);
  clock.set(1_000_000);
  expect(clock.now()).toBe(1_000_000);
  clock.set(500);
  expect(clock.now()).toBe(500);
  clock.advance(59);
  expect(firedAt).toBe(0);
  clock.advance(1);
  expect(firedAt).toBe(560);
});

test('an error of a callback comes out of advance, and the next advance goes on', () => {
  const clock = manualClock(0);
  let fired = 0;
  clock.setTimer(() => {
    throw new Error('from the callback');
  }, 10);
  clock.setTimer(() => fired++, 20);
  expect(() => clock.advance(50)).toThrow('from the callback');
  expect(clock.now()).toBe(10);
  expect(fired).toBe(0);
  clock.advance(10);
  expect(fired).toBe(1);
});

test('time never runs backwards by advance, also when a callback advances the clock', () => {
  const clock = manualClock(0);
  clock.setTimer(() => clock.advance(100), 10);
  clock.advance(20);
  expect(clock.now()).toBe(110);
});

test.for([-1, Number.NaN, Number.POSITIVE_INFINITY])('advance(%d) is refused', (ms) => {
  expect(() => manualClock(0).advance(ms)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
});

test('a timer that sets itself again without delay is reported instead of hanging', () => {
  const clock = manualClock(0);
  const again = (): void => void clock.setTimer(again, 0);
  clock.setTimer(again, 0);
  expect(() => clock.advance(1)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }));
});
