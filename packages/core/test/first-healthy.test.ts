import { createTestCa, type ManualClock, manualClock, testBundleSet, type TestCa } from '@svidkit/testkit';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { type BundleSet } from '../src/bundle-set.ts';
import { SpiffeError } from '../src/errors.ts';
import { firstHealthy } from '../src/first-healthy.ts';
import { SourceCell } from '../src/source-cell.ts';
import { type X509Context, type X509Source } from '../src/source.ts';
import { staticX509Source } from '../src/static-source.ts';
import { type X509Svid } from '../src/x509-svid.ts';
import { outcomeOf } from './failure-of.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');

let clock: ManualClock;
let ca: TestCa;
let bundles: BundleSet;

async function svid(path: string, lifetimeMs = 3_600_000): Promise<X509Svid> {
  const issued = await ca.issue({
    path,
    notBefore: new Date(START_MS),
    notAfter: new Date(START_MS + lifetimeMs),
  });
  return issued.svid();
}

/** A source that can be emptied and filled, as one over a mount or a socket is. */
function changeable(
  first?: X509Svid,
): X509Source & { fill(svid: X509Svid): void; empty(message: string): void } {
  const cell: SourceCell = new SourceCell({ source: () => source, clock });
  const source = {
    get current() {
      return cell.current;
    },
    closed: cell.closed,
    onUpdate: (listener: (context: X509Context | undefined) => void) => cell.onUpdate(listener),
    health: () => {
      throw new Error('not asked in these tests');
    },
    close: async () => cell.close(),
    [Symbol.asyncDispose]: async () => cell.close(),
    fill: (next: X509Svid) => void cell.publish({ svid: next, bundles }, 'filled'),
    empty: (message: string) => cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', message), 'emptied'),
  };
  if (first !== undefined) source.fill(first);
  return source;
}

/** What is told to a listener: `2 /b`, or `empty`. */
function told(source: X509Source): string[] {
  const notes: string[] = [];
  source.onUpdate((context) => notes.push(context === undefined ? 'empty' : describeContext(context)));
  return notes;
}

function describeContext({ generation, svid: { id } }: X509Context): string {
  return `${generation} ${id.path}`;
}

beforeEach(async () => {
  clock = manualClock(START_MS);
  ca = await createTestCa({ trustDomain: 'td', clock });
  bundles = testBundleSet(ca);
});

describe('firstHealthy', () => {
  test('gives the svid and bundles of the first usable source, in a snapshot of its own that stays the same', async () => {
    const [a, b] = [
      staticX509Source({ svid: await svid('/a'), bundles, clock }),
      staticX509Source({ svid: await svid('/b'), bundles, clock }),
    ];
    const source = firstHealthy([a, b], { clock });
    const { current } = source;
    expect(current.svid).toBe(a.current.svid);
    expect(current.bundles).toBe(a.current.bundles);
    expect(current).not.toBe(a.current);
    expect(source.current).toBe(current);
    await source.close();
  });

  test('falls over when the preferred source has nothing, and back when it has; generations only grow', async () => {
    const [first, second, other] = [await svid('/a1'), await svid('/a2'), await svid('/b')];
    const [a, b] = [changeable(first), changeable(other)];
    const source = firstHealthy([a, b], { clock });
    const notes = told(source);
    expect(describeContext(source.current)).toBe('1 /a1');
    a.empty('withdrawn');
    expect(describeContext(source.current)).toBe('2 /b');
    a.fill(second);
    expect(describeContext(source.current)).toBe('3 /a2');
    expect(notes).toEqual(['2 /b', '3 /a2']);
    await source.close();
  });

  test('passes over a source that has nothing yet, and takes it when it comes', async () => {
    const [a, b] = [changeable(), changeable(await svid('/b'))];
    const source = firstHealthy([a, b], { clock });
    expect(describeContext(source.current)).toBe('1 /b');
    a.fill(await svid('/a'));
    expect(describeContext(source.current)).toBe('2 /a');
    await source.close();
  });

  test('an update of a source that is not in use changes nothing', async () => {
    const [a, b] = [changeable(await svid('/a')), changeable(await svid('/b'))];
    const source = firstHealthy([a, b], { clock });
    const { current } = source;
    const notes = told(source);
    b.fill(await svid('/b2'));
    b.empty('gone');
    expect(source.current).toBe(current);
    expect(notes).toEqual([]);
    await source.close();
  });

  test('falls over ahead of the expiry, while there is time, and back with the next SVID', async () => {
    const a = changeable(await svid('/a', 10_000));
    const b = staticX509Source({ svid: await svid('/b'), bundles, clock });
    const source = firstHealthy([a, b], { clock });
    const notes = told(source);
    clock.advance(9_000); // Exactly a tenth is not less than a tenth.
    expect(notes).toEqual([]);
    clock.advance(1);
    expect(notes).toEqual(['2 /b']);
    expect(source.health().problems).toEqual([
      'source 1: less than a tenth of the lifetime of its SVID is left',
    ]);
    a.fill(await svid('/a2'));
    expect(notes).toEqual(['2 /b', '3 /a2']);
    await source.close();
    expect(clock.pending).toBe(0);
  });

  test('falls over ahead of the expiry also when every timer is late', async () => {
    const a = changeable(await svid('/a', 10_000));
    const b = staticX509Source({ svid: await svid('/b'), bundles, clock });
    const source = firstHealthy([a, b], { clock });
    clock.set(START_MS + 9_001);
    expect(describeContext(source.current)).toBe('2 /b');
    await source.close();
  });

  test('with little left everywhere it takes what lasts longest, to its end', async () => {
    const a = staticX509Source({ svid: await svid('/a', 20_000), bundles, clock });
    const b = staticX509Source({ svid: await svid('/b', 21_000), bundles, clock });
    const source = firstHealthy([a, b], { clock });
    const notes = told(source);
    clock.advance(18_001);
    expect(notes).toEqual(['2 /b']);
    clock.advance(1_000); // Now both.
    expect(describeContext(source.current)).toBe('2 /b');
    clock.advance(2_000);
    expect(notes).toEqual(['2 /b', 'empty']);
    await source.close();
  });

  test('alone it is used to its end', async () => {
    const source = firstHealthy([staticX509Source({ svid: await svid('/a', 10_000), bundles, clock })], {
      clock,
    });
    const notes = told(source);
    clock.advance(10_000);
    expect(describeContext(source.current)).toBe('1 /a');
    expect(notes).toEqual([]);
    clock.advance(1);
    expect(notes).toEqual(['empty']);
    await source.close();
  });

  test('falls over at expiry, without an empty moment in between', async () => {
    const a = staticX509Source({ svid: await svid('/a', 10_000), bundles, clock });
    const b = staticX509Source({ svid: await svid('/b'), bundles, clock });
    const source = firstHealthy([a, b], { clock });
    const notes = told(source);
    clock.advance(10_001);
    expect(notes).toEqual(['2 /b']);
    await source.close();
  });

  test('falls over at expiry also when every timer is late', async () => {
    const a = staticX509Source({ svid: await svid('/a', 10_000), bundles, clock });
    const b = staticX509Source({ svid: await svid('/b'), bundles, clock });
    const source = firstHealthy([a, b], { clock });
    const notes = told(source);
    clock.set(START_MS + 10_001);
    expect(describeContext(source.current)).toBe('2 /b');
    expect(notes).toEqual(['2 /b']);
    await source.close();
  });

  test('never hands out what a source should not have: an expired SVID of a source without a timer', async () => {
    const careless: X509Source = {
      current: Object.freeze({
        generation: 1,
        svid: await svid('/careless', 10_000),
        bundles,
        loadedAt: START_MS,
      }),
      closed: new AbortController().signal,
      onUpdate: () => ({ [Symbol.dispose]: () => undefined }),
      health: () => {
        throw new Error('not asked in these tests');
      },
      close: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
    const b = staticX509Source({ svid: await svid('/b', 20_000), bundles, clock });
    const source = firstHealthy([careless, b], { clock });
    const notes = told(source);
    expect(describeContext(source.current)).toBe('1 /careless');
    clock.advance(10_001);
    expect(describeContext(source.current)).toBe('2 /b');
    clock.advance(10_000);
    expect(notes).toEqual(['2 /b', 'empty']);
    expect(outcomeOf(() => source.current)).toBe('ERR_SOURCE_EMPTY');
    expect(notes.at(-1)).toBe('empty');
    await source.close();
  });

  test('with nothing usable it throws ERR_SOURCE_EMPTY with the reason of each, and goes on when one recovers', async () => {
    const [a, b] = [changeable(), changeable(await svid('/b'))];
    const source = firstHealthy([a, b], { clock });
    const notes = told(source);
    b.empty('the issuer withdrew it');
    expect(outcomeOf(() => source.current)).toBe('ERR_SOURCE_EMPTY');
    expect(() => source.current).toThrow(
      'none of the 2 sources is usable: source 1: the source has not loaded an identity yet; source 2: the issuer withdrew it',
    );
    a.fill(await svid('/a'));
    expect(notes).toEqual(['empty', '2 /a']);
    await source.close();
  });

  test('can be made of sources that are all empty: current throws, and the first one that fills is used', async () => {
    const [a, b] = [changeable(), changeable()];
    const source = firstHealthy([a, b], { clock });
    expect(outcomeOf(() => source.current)).toBe('ERR_SOURCE_EMPTY');
    b.fill(await svid('/b'));
    expect(describeContext(source.current)).toBe('1 /b');
    await source.close();
  });

  test('a source that somebody else closes, before or after, is passed over', async () => {
    const [a, b, c] = [
      changeable(await svid('/a')),
      changeable(await svid('/b')),
      changeable(await svid('/c')),
    ];
    await a.close();
    const source = firstHealthy([a, b, c], { clock });
    const notes = told(source);
    expect(describeContext(source.current)).toBe('1 /b');
    await b.close();
    expect(describeContext(source.current)).toBe('2 /c');
    expect(notes).toEqual(['2 /c']);
    await c.close();
    expect(outcomeOf(() => source.current)).toBe('ERR_SOURCE_EMPTY');
    expect(notes).toEqual(['2 /c', 'empty']);
    expect(source.closed.aborted).toBe(false);
    await source.close();
  });

  test('a listener that reads current while it is told gets the snapshot it is told of', async () => {
    const [a, b] = [changeable(await svid('/a')), changeable(await svid('/b'))];
    const source = firstHealthy([a, b], { clock });
    const same: boolean[] = [];
    const subscription = source.onUpdate((context) => same.push(context === source.current));
    a.empty('gone');
    a.fill(await svid('/a2'));
    subscription[Symbol.dispose]();
    expect(same).toEqual([true, true]);
    await source.close();
  });

  test('can be nested', async () => {
    const [a, b, c] = [changeable(), changeable(await svid('/b')), changeable(await svid('/c'))];
    const source = firstHealthy([firstHealthy([a, b], { clock }), c], { clock });
    expect(describeContext(source.current)).toBe('1 /b');
    b.empty('gone');
    expect(describeContext(source.current)).toBe('2 /c');
    a.fill(await svid('/a'));
    expect(describeContext(source.current)).toBe('3 /a');
    await source.close();
    expect([a, b, c].map(({ closed }) => closed.aborted)).toEqual([true, true, true]);
  });

  test('follows any course of events: always the first one that has something, generations growing, each change told', async () => {
    const svids = [await svid('/0'), await svid('/1'), await svid('/2')];
    const step = fc.tuple(fc.nat(2), fc.constantFrom('fill' as const, 'empty' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const sources = [changeable(), changeable(), changeable()];
        const filled = [false, false, false];
        const source = firstHealthy(sources, { clock });
        const generations: number[] = [];
        source.onUpdate((context) => context !== undefined && generations.push(context.generation));
        for (const [index, change] of steps) {
          const one = svids[index];
          if (change === 'fill' && one !== undefined) sources[index]?.fill(one);
          else sources[index]?.empty('emptied');
          filled[index] = change === 'fill';
          let path: string | undefined;
          const outcome = outcomeOf(() => ({ path } = source.current.svid.id));
          const expected = filled.indexOf(true);
          expect(outcome).toBe(expected === -1 ? 'ERR_SOURCE_EMPTY' : 'accepted');
          expect(path).toBe(expected === -1 ? undefined : `/${expected}`);
        }
        expect(generations).toEqual(generations.map((_, index) => index + 1));
        void source.close();
      }),
      { numRuns: 50 },
    );
  });
});

describe('closing', () => {
  test('closes the sources too, tells the listeners once, and everything throws from then on', async () => {
    const [a, b] = [changeable(await svid('/a')), changeable(await svid('/b'))];
    const source = firstHealthy([a, b], { clock });
    const notes = told(source);
    await source.close();
    await source.close();
    expect(notes).toEqual(['empty']);
    expect([a.closed.aborted, b.closed.aborted, source.closed.aborted]).toEqual([true, true, true]);
    expect(outcomeOf(() => source.current)).toBe('ERR_SOURCE_CLOSED');
    expect(outcomeOf(() => source.onUpdate(() => undefined))).toBe('ERR_SOURCE_CLOSED');
    expect(source.health()).toMatchObject({
      status: 'expired',
      ready: false,
      generation: 0,
      problems: ['the source is closed'],
    });
    expect(clock.pending).toBe(0);
  });

  test('leaves the sources open, and lets go of them, with closeSources: false', async () => {
    const a = changeable(await svid('/a'));
    let listening = 0;
    const subscribe = a.onUpdate.bind(a);
    a.onUpdate = (listener) => {
      const subscription = subscribe(listener);
      listening++;
      return {
        [Symbol.dispose]: () => {
          listening--;
          subscription[Symbol.dispose]();
        },
      };
    };
    const source = firstHealthy([a], { clock, closeSources: false });
    const notes = told(source);
    expect(listening).toBe(1);
    await source[Symbol.asyncDispose]();
    expect(listening).toBe(0);
    expect(a.closed.aborted).toBe(false);
    a.fill(await svid('/a2'));
    expect(a.current.svid.id.path).toBe('/a2');
    expect(notes).toEqual(['empty']);
    await a.close();
  });

  test('a listener that reads current while it closes sees it closed, and no other source is put in place', async () => {
    const [a, b] = [changeable(await svid('/a')), changeable(await svid('/b'))];
    const source = firstHealthy([a, b], { clock });
    const codes: string[] = [];
    source.onUpdate(() => codes.push(outcomeOf(() => source.current)));
    await source.close();
    expect(codes).toEqual(['ERR_SOURCE_CLOSED']);
  });

  test('closes every source although one fails to, and reports the failure', async () => {
    const [a, b] = [changeable(await svid('/a')), changeable(await svid('/b'))];
    a.close = async () => {
      throw new Error('stuck');
    };
    const source = firstHealthy([a, b], { clock });
    await expect(source.close()).rejects.toThrow('stuck');
    expect(b.closed.aborted).toBe(true);
    expect(source.closed.aborted).toBe(true);
  });
});

describe('health', () => {
  test('is that of the source in use, with what is wrong with the preferred ones', async () => {
    const a = changeable();
    const b = staticX509Source({ svid: await svid('/b'), bundles, clock });
    const source = firstHealthy([a, b], { clock });
    expect(source.health()).toMatchObject({
      status: 'fresh',
      ready: true,
      generation: 1,
      notAfter: b.health().notAfter,
      lastError: { code: 'ERR_SOURCE_EMPTY' },
      problems: ['source 1: the source has not loaded an identity yet'],
    });
    await b.close();
    expect(source.health()).toMatchObject({
      status: 'expired',
      ready: false,
      generation: 0,
      notAfter: undefined,
    });
    expect(source.health().problems).toEqual([
      'none of the 2 sources is usable: source 1: the source has not loaded an identity yet; source 2: the source is closed',
    ]);
    await source.close();
  });

  test('is all well when the first source is, whatever the others are', async () => {
    const a = staticX509Source({ svid: await svid('/a'), bundles, clock });
    const source = firstHealthy([a, changeable()], { clock });
    expect(source.health()).toMatchObject({ status: 'fresh', problems: [], lastError: undefined });
    await source.close();
  });
});

test.each([[[]], [undefined], [[undefined]], [[{}]], ['sources']])('cannot be made of %o', (sources) => {
  expect(outcomeOf(() => firstHealthy(sources as unknown as X509Source[]))).toBe('ERR_CONFIG_OPTION');
});
