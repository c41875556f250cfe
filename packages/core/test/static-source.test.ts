import { createTestCa, type ManualClock, manualClock, testBundleSet, type TestCa } from '@svidkit/testkit';
import { beforeEach, describe, expect, test } from 'vitest';

import { type BundleSet } from '../src/bundle-set.ts';
import { type StaticX509Source, staticX509Source } from '../src/static-source.ts';
import { type X509Svid } from '../src/x509-svid.ts';
import { outcomeOf } from './failure-of.ts';

const START_MS = Date.parse('2030-01-01T00:00:00Z');

let clock: ManualClock;
let ca: TestCa;
let bundles: BundleSet;

async function svid(lifetimeMs: number): Promise<X509Svid> {
  const issued = await ca.issue({
    path: '/a',
    notBefore: new Date(START_MS),
    notAfter: new Date(START_MS + lifetimeMs),
  });
  return issued.svid();
}

beforeEach(async () => {
  clock = manualClock(START_MS);
  ca = await createTestCa({ trustDomain: 'td', clock });
  bundles = testBundleSet(ca);
});

describe('staticX509Source', () => {
  test('gives what it was given, and each update as the next generation', async () => {
    const [one, two] = [await svid(10_000), await svid(20_000)];
    const source = staticX509Source({ svid: one, bundles, clock });
    expect(source.current).toEqual({ generation: 1, svid: one, bundles, loadedAt: START_MS });
    const told: unknown[] = [];
    source.onUpdate((context) => told.push(context));
    const next = source.update(two, bundles);
    expect(next.generation).toBe(2);
    expect(source.current).toBe(next);
    expect(told).toEqual([next]);
    await source.close();
  });

  test('never hands out an expired SVID, and recovers with the next one (DEC-2)', async () => {
    const [short, long] = [await svid(10_000), await svid(20_000)];
    const source = staticX509Source({ svid: short, bundles, clock });
    clock.advance(10_001);
    expect(outcomeOf(() => source.current)).toBe('ERR_SOURCE_EXPIRED');
    expect(outcomeOf(() => source.update(short, bundles))).toBe('ERR_SVID_EXPIRED');
    source.update(long, bundles);
    expect(source.current.svid).toBe(long);
    await source.close();
  });

  test('cannot be made with an expired SVID', async () => {
    const short = await svid(1000);
    clock.advance(1001);
    expect(outcomeOf(() => staticX509Source({ svid: short, bundles, clock }))).toBe('ERR_SVID_EXPIRED');
  });

  test('is fresh, then critical when less than a tenth of the lifetime is left, then expired, then fresh again', async () => {
    const source = staticX509Source({ svid: await svid(100_000), bundles, clock });
    expect(source.health()).toEqual({
      status: 'fresh',
      ready: true,
      generation: 1,
      notAfter: START_MS + 100_000,
      lastError: undefined,
      problems: [],
    });
    clock.advance(90_000);
    expect(source.health()).toMatchObject({ status: 'fresh', ready: true });
    clock.advance(1);
    expect(source.health()).toMatchObject({ status: 'critical', ready: false, generation: 1 });
    expect(source.health().problems).toEqual([
      'less than a tenth of the lifetime of the SVID is left (9 s): renew it',
    ]);
    clock.advance(10_000);
    expect(source.health()).toMatchObject({
      status: 'expired',
      ready: false,
      generation: 0,
      notAfter: undefined,
      lastError: { code: 'ERR_SOURCE_EXPIRED' },
    });
    source.update(await svid(1_000_000), bundles);
    expect(source.health()).toMatchObject({
      status: 'fresh',
      ready: true,
      generation: 2,
      lastError: undefined,
    });
    await source.close();
    expect(source.health()).toMatchObject({
      status: 'expired',
      lastError: { code: 'ERR_SOURCE_CLOSED' },
      problems: ['the source is closed'],
    });
  });

  test.each<[string, (source: StaticX509Source) => Promise<void>]>([
    ['close()', async (source) => source.close()],
    ['Symbol.asyncDispose', async (source) => source[Symbol.asyncDispose]()],
  ])('after %s, which can be repeated, everything throws ERR_SOURCE_CLOSED', async (_name, close) => {
    const one = await svid(10_000);
    const source = staticX509Source({ svid: one, bundles, clock });
    expect(source.closed.aborted).toBe(false);
    await close(source);
    await close(source);
    expect(source.closed.aborted).toBe(true);
    for (const use of [
      () => source.current,
      () => source.update(one, bundles),
      () => source.onUpdate(() => undefined),
    ]) {
      expect(outcomeOf(use)).toBe('ERR_SOURCE_CLOSED');
    }
    expect(clock.pending).toBe(0);
  });

  test('refuses what is no SVID or no bundle set, by the name of the option', async () => {
    const good = await svid(10_000);
    for (const wrong of [undefined, null, {}, 'svid', { expiresAt: Number.NaN }]) {
      const build = (): unknown => staticX509Source({ svid: wrong as unknown as X509Svid, bundles, clock });
      expect(outcomeOf(build)).toBe('ERR_CONFIG_OPTION');
      expect(build).toThrow('option svid');
      const other = (): unknown =>
        staticX509Source({ svid: good, bundles: wrong as unknown as BundleSet, clock });
      expect(outcomeOf(other)).toBe('ERR_CONFIG_OPTION');
      expect(other).toThrow('option bundles');
    }
    const source = staticX509Source({ svid: good, bundles, clock });
    expect(outcomeOf(() => source.update(good, undefined as unknown as BundleSet))).toBe('ERR_CONFIG_OPTION');
    expect(source.current.generation).toBe(1);
    await source.close();
  });

  test('uses the clock of this machine when none is given', async () => {
    const now = await createTestCa({ trustDomain: 'td' });
    const issued = await now.issue({ path: '/a' });
    const source = staticX509Source({ svid: issued.svid(), bundles });
    expect(Math.abs(source.current.loadedAt - Date.now())).toBeLessThan(5000);
    await source.close();
  });
});
