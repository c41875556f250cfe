import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { createTestCa, type ManualClock, manualClock, testBundleSet, type TestCa } from '@svidkit/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { type BundleSet } from '../src/bundle-set.ts';
import { type Clock, systemClock, type Timer } from '../src/clock.ts';
import { SpiffeError } from '../src/errors.ts';
import { type SvidkitEvents } from '../src/events.ts';
import { SourceCell } from '../src/source-cell.ts';
import { type X509Context, type X509Source } from '../src/source.ts';
import { type X509Svid } from '../src/x509-svid.ts';
import { outcomeOf } from './failure-of.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.parse('2030-01-01T00:00:00Z');

interface Material {
  readonly svid: X509Svid;
  readonly bundles: BundleSet;
}

let clock: ManualClock;
let ca: TestCa;
let cell: SourceCell;
/** What the listener of each test was told: generations, or `empty`. */
let told: (number | 'empty')[];

async function material(lifetimeMs = HOUR_MS): Promise<Material> {
  const issued = await ca.issue({
    path: '/a',
    notBefore: new Date(START_MS),
    notAfter: new Date(START_MS + lifetimeMs),
  });
  return { svid: issued.svid(), bundles: testBundleSet(ca) };
}

function note(context: X509Context | undefined): void {
  told.push(context?.generation ?? 'empty');
}

beforeEach(async () => {
  clock = manualClock(START_MS);
  ca = await createTestCa({ trustDomain: 'td', clock });
  cell = new SourceCell({ source: () => ({}) as X509Source, clock });
  told = [];
});

afterEach(() => cell.close());

describe('a cell', () => {
  test('has nothing before the first generation, and says so', () => {
    expect(outcomeOf(() => cell.current)).toBe('ERR_SOURCE_EMPTY');
    expect(cell.latest).toBeUndefined();
    expect(cell.failure).toMatchObject({ code: 'ERR_SOURCE_EMPTY' });
    expect(clock.pending).toBe(0);
  });

  test('gives the very snapshot that was published, frozen, with its generation and the time it was loaded', async () => {
    const { svid, bundles } = await material();
    clock.advance(5);
    const published = cell.publish({ svid, bundles }, 'first load');
    expect(cell.current).toBe(published);
    expect(cell.latest).toBe(published);
    expect(cell.failure).toBeUndefined();
    expect(published).toEqual({ generation: 1, svid, bundles, loadedAt: START_MS + 5 });
    expect(published.svid).toBe(svid);
    expect(published.bundles).toBe(bundles);
    expect(Object.isFrozen(published)).toBe(true);
  });

  test('takes over nothing else that stands beside svid and bundles', async () => {
    const given = { ...(await material()), generation: 77, loadedAt: 1, key: 'x' };
    expect(Object.keys(cell.publish(given, 'first load')).toSorted()).toEqual([
      'bundles',
      'generation',
      'loadedAt',
      'svid',
    ]);
    expect(cell.current.generation).toBe(1);
  });

  test('counts generations upwards, also across withdrawal and expiry', async () => {
    const short = await material(10_000);
    const long = await material();
    expect(cell.publish(short, 'first load').generation).toBe(1);
    cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'gone'), 'withdrawn');
    expect(cell.publish(short, 'again').generation).toBe(2);
    clock.advance(10_001);
    expect(cell.publish(long, 'renewed').generation).toBe(3);
  });

  test('throws after withdrawal what it was given', async () => {
    cell.publish(await material(), 'first load');
    const error = new SpiffeError('ERR_SOURCE_EMPTY', 'the issuer withdrew it');
    cell.withdraw(error, 'withdrawn');
    expect(() => cell.current).toThrow(error);
    expect(cell.failure).toBe(error);
    expect(clock.pending).toBe(0);
  });
});

describe('expiry', () => {
  test('an SVID is handed out at the last instant of its validity and not one millisecond later (DEC-2)', async () => {
    const published = cell.publish(await material(10_000), 'first load');
    cell.onUpdate(note);
    clock.advance(10_000);
    expect(cell.current).toBe(published);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(['empty']);
    expect(outcomeOf(() => cell.current)).toBe('ERR_SOURCE_EXPIRED');
    expect(cell.failure?.message).toBe(
      'want an SVID that is valid now (2030-01-01T00:00:10.001Z), got spiffe://td/a, which expired at 2030-01-01T00:00:10.000Z',
    );
  });

  test('an expired SVID is not handed out when the timer is late, and the listeners learn of it at that reading', async () => {
    cell.publish(await material(10_000), 'first load');
    cell.onUpdate(note);
    clock.set(START_MS + 10_001);
    expect(told).toEqual([]);
    expect(outcomeOf(() => cell.current)).toBe('ERR_SOURCE_EXPIRED');
    expect(cell.latest).toBeUndefined();
    expect(told).toEqual(['empty']);
    clock.advance(HOUR_MS);
    expect(told).toEqual(['empty']);
  });

  test('a clock that was set back does not end an SVID early, and the timer is set again', async () => {
    const published = cell.publish(await material(10_000), 'first load');
    cell.onUpdate(note);
    clock.advance(4000);
    clock.set(START_MS);
    clock.advance(6001);
    expect(cell.current).toBe(published);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(1);
    clock.advance(4000);
    expect(told).toEqual(['empty']);
  });

  test('the chain counts and not the leaf alone: an intermediate that expires first ends the generation', async () => {
    const intermediate = await ca.intermediate({ notAfter: new Date(START_MS + 5000) });
    const issued = await intermediate.issue({
      path: '/a',
      notBefore: new Date(START_MS),
      notAfter: new Date(START_MS + 10_000),
    });
    const svid = issued.svid();
    expect(svid.notAfter).toBe(START_MS + 10_000);
    cell.publish({ svid, bundles: testBundleSet(ca) }, 'first load');
    clock.advance(5000);
    expect(outcomeOf(() => cell.current)).toBe('accepted');
    clock.advance(1);
    expect(outcomeOf(() => cell.current)).toBe('ERR_SOURCE_EXPIRED');
  });

  test('a new generation takes over the expiry: the old timer is gone', async () => {
    cell.publish(await material(10_000), 'first load');
    const published = cell.publish(await material(), 'renewed');
    cell.onUpdate(note);
    expect(clock.pending).toBe(1);
    clock.advance(HOUR_MS);
    expect(cell.current).toBe(published);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(['empty']);
    expect(clock.pending).toBe(0);
  });

  test('an SVID that expired before is refused, and the one in use stays', async () => {
    const expired = await material(1000);
    const published = cell.publish(await material(), 'first load');
    cell.onUpdate(note);
    clock.advance(1000);
    expect(cell.publish(expired, 'still valid').generation).toBe(2);
    expect(cell.publish(published, 'back').generation).toBe(3);
    told.length = 0;
    clock.advance(1);
    expect(outcomeOf(() => cell.publish(expired, 'too late'))).toBe('ERR_SVID_EXPIRED');
    expect(cell.current.generation).toBe(3);
    expect(told).toEqual([]);
  });

  test('its timer never keeps the process alive', async () => {
    const timers: { unreferenced: boolean; cleared: boolean }[] = [];
    const watched: Clock = {
      now: () => clock.now(),
      setTimer(callback, delayMs): Timer {
        const timer = { unreferenced: false, cleared: false };
        timers.push(timer);
        const inner = clock.setTimer(callback, delayMs);
        return {
          clear: () => {
            timer.cleared = true;
            inner.clear();
          },
          unref: () => void (timer.unreferenced = true),
        };
      },
    };
    const watchedCell = new SourceCell({ source: () => ({}) as X509Source, clock: watched });
    watchedCell.publish(await material(10_000), 'first load');
    watchedCell.publish(await material(), 'renewed');
    watchedCell.close();
    expect(timers).toEqual([
      { unreferenced: true, cleared: true },
      { unreferenced: true, cleared: true },
    ]);
  });
});

describe('listeners', () => {
  test('are told of each change after it, in order, and not of what was current before they came', async () => {
    const first = await material();
    cell.publish(first, 'first load');
    const seen: boolean[] = [];
    cell.onUpdate(note);
    cell.onUpdate((context) => seen.push(context === cell.latest));
    expect(told).toEqual([]);
    cell.publish(first, 'renewed');
    cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'gone'), 'withdrawn');
    cell.publish(first, 'back');
    expect(told).toEqual([2, 'empty', 3]);
    expect(seen).toEqual([true, true, true]);
  });

  test('are not told when nothing changes: withdrawal of nothing, a second close', async () => {
    cell.onUpdate(note);
    cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'gone'), 'withdrawn');
    cell.publish(await material(), 'first load');
    cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'gone'), 'withdrawn');
    cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'gone again'), 'withdrawn');
    cell.close();
    cell.close();
    expect(told).toEqual([1, 'empty']);
    expect(() => cell.current).toThrow('closed');
  });

  test('stop when they are disposed of, each by itself although it is the same function', async () => {
    const subscription = cell.onUpdate(note);
    cell.onUpdate(note);
    cell.publish(await material(), 'first load');
    subscription[Symbol.dispose]();
    subscription[Symbol.dispose]();
    cell.publish(await material(), 'renewed');
    expect(told).toEqual([1, 1, 2]);
  });

  test('that throw are isolated: the others are told, the publisher goes on, and a warning says what happened', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    cell.onUpdate(() => {
      throw new Error('broken listener');
    });
    cell.onUpdate(note);
    expect(cell.publish(await material(), 'first load').generation).toBe(1);
    expect(told).toEqual([1]);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatchObject({
      name: 'SvidkitListenerWarning',
      message: 'a listener of a source threw: Error: broken listener',
      cause: { message: 'broken listener' },
    });
  });

  test('can publish: everyone is told of both changes, in the order in which they were made', async () => {
    const given = await material();
    let again = true;
    cell.onUpdate(() => {
      if (!again) return;
      again = false;
      cell.publish(given, 'from a listener');
    });
    cell.onUpdate(note);
    cell.publish(given, 'first load');
    expect(told).toEqual([1, 2]);
    expect(cell.current.generation).toBe(2);
  });

  test('can add and dispose of others: the new one is told from the next change on, the old one no more', async () => {
    const given = await material();
    const late: (number | 'empty')[] = [];
    let added = false;
    cell.onUpdate(() => {
      subscription[Symbol.dispose]();
      if (added) return;
      added = true;
      cell.onUpdate((context) => late.push(context?.generation ?? 'empty'));
    });
    const subscription = cell.onUpdate(note);
    cell.publish(given, 'first load');
    expect([told, late]).toEqual([[], []]);
    cell.publish(given, 'renewed');
    expect([told, late]).toEqual([[], [2]]);
  });

  test('can close: those after it are still told', async () => {
    cell.onUpdate(() => cell.close());
    cell.onUpdate(note);
    cell.publish(await material(), 'first load');
    expect(told).toEqual([1, 'empty']);
    expect(outcomeOf(() => cell.current)).toBe('ERR_SOURCE_CLOSED');
  });
});

describe('close', () => {
  test('empties it, tells the listeners, aborts the signal, and everything throws from then on', async () => {
    const given = await material();
    cell.publish(given, 'first load');
    cell.onUpdate(note);
    expect(cell.closed.aborted).toBe(false);
    cell.close();
    expect(told).toEqual(['empty']);
    expect(cell.closed.reason).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
    expect(cell.latest).toBeUndefined();
    expect(clock.pending).toBe(0);
    for (const use of [() => cell.current, () => cell.publish(given, 'x'), () => cell.onUpdate(note)]) {
      expect(outcomeOf(use)).toBe('ERR_SOURCE_CLOSED');
    }
    cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'gone'), 'withdrawn');
    expect(outcomeOf(() => cell.current)).toBe('ERR_SOURCE_CLOSED');
  });

  test('lets no listener publish once more', async () => {
    const given = await material();
    cell.publish(given, 'first load');
    const codes: string[] = [];
    cell.onUpdate(() =>
      codes.push(
        outcomeOf(() => cell.publish(given, 'once more')),
        outcomeOf(() => cell.current),
      ),
    );
    cell.close();
    expect(codes).toEqual(['ERR_SOURCE_CLOSED', 'ERR_SOURCE_CLOSED']);
  });
});

test('each change is an event with source, snapshot, reason and duration', async () => {
  const source = {} as X509Source;
  const mine = new SourceCell({ source: () => source, clock });
  const events: SvidkitEvents['svidkit:source.update'][] = [];
  const listen = (message: unknown): void => {
    const event = message as SvidkitEvents['svidkit:source.update'];
    if (event.source === source) events.push(event);
  };
  subscribe('svidkit:source.update', listen);
  try {
    const given = await material(10_000);
    const first = mine.publish(given, 'first load');
    const second = mine.publish(given, 'rotation', 12);
    clock.advance(10_001);
    mine.close();
    expect(events).toEqual([
      { source, context: first, reason: 'first load' },
      { source, context: second, reason: 'rotation', tookMs: 12 },
      { source, context: undefined, reason: 'expired' },
    ]);
  } finally {
    unsubscribe('svidkit:source.update', listen);
  }
});

describe('systemClock', () => {
  test('tells the time of this machine and fires a timer once', async () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
    await new Promise<void>((resolve) => void systemClock.setTimer(resolve, 0));
  });

  test('does not fire at once for a delay that is longer than a Node.js timer takes', async () => {
    let fired = false;
    const timer = systemClock.setTimer(() => void (fired = true), 2 ** 33);
    timer.unref();
    await new Promise<void>((resolve) => void systemClock.setTimer(resolve, 5));
    timer.clear();
    expect(fired).toBe(false);
  });
});
