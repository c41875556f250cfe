import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { chmod, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { formatBundleMap, type SvidkitEvents } from '@svidkit/core';
import { createTestCa } from '@svidkit/testkit';
import { fileBundleStore } from '@svidkit/tls/federation';
import { afterEach, describe, expect, test } from 'vitest';

import { closeAll, closing, expectFailure, world } from '../fixtures.ts';
import { bundleOf, ENDPOINT_ID, spiffeEndpoint, webEndpoint } from './endpoints.ts';
import { clockAhead, storeFile, watch } from './watching.ts';

afterEach(closeAll);

describe('a stored bundle', () => {
  test('F-03: each fetched bundle is stored, whole, for its owner, and serves the next start', async () => {
    const { b } = await world();
    const { both } = await b.rotate();
    const file = await storeFile();
    const { parameters, endpoint } = await webEndpoint({
      reply: { document: bundleOf(b, { sequence: 1n }) },
    });
    const first = await watch(parameters, { store: fileBundleStore(file) });
    expect(await readFile(file, 'utf8')).toBe(formatBundleMap([bundleOf(b, { sequence: 1n })]));
    endpoint.replyWith({ document: bundleOf(both, { sequence: 2n }) });
    await first.refresh();
    expect(await readFile(file, 'utf8')).toBe(formatBundleMap([bundleOf(both, { sequence: 2n })]));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await first.close();

    endpoint.replyWith({ status: 500 });
    const second = await watch(parameters, { store: fileBundleStore(file) });
    expect(second.current?.equals(bundleOf(both, { sequence: 2n }))).toBe(true);
    // And an older one is refused after the start as before.
    await expectFailure(second.refresh());
    endpoint.replyWith({ document: bundleOf(b, { sequence: 1n }) });
    expect(await expectFailure(second.refresh())).toMatchObject({ code: 'ERR_FEDERATION_SEQUENCE' });
    expect(await readdir(join(file, '..'))).toEqual(['b.test.json']);
  });

  test('F-17: is what an endpoint that serves its own bundle is known by', async () => {
    const { b } = await world();
    const { next } = await b.rotate();
    const file = await storeFile();
    await writeFile(file, formatBundleMap([bundleOf(next)]), { mode: 0o600 });
    const { parameters } = await spiffeEndpoint({
      certificate: await next.issue({ id: ENDPOINT_ID }),
      reply: { document: bundleOf(next) },
    });
    const bundle = await watch(parameters, { store: fileBundleStore(file) });
    expect((await bundle.refresh()).equals(bundleOf(next))).toBe(true);
  });

  test.for<[string, (file: string, good: string) => Promise<void>]>([
    ['is damaged', (file, good) => writeFile(file, good.slice(0, -5), { mode: 0o600 })],
    ['is empty', (file) => writeFile(file, '', { mode: 0o600 })],
    [
      'is of another trust domain',
      async (file) => {
        const other = await createTestCa({ trustDomain: 'c.test' });
        await writeFile(file, formatBundleMap([bundleOf(other)]), { mode: 0o600 });
      },
    ],
    [
      'others may write to',
      async (file, good) => {
        await writeFile(file, good);
        await chmod(file, 0o666);
      },
    ],
  ])('that %s is not believed, which is a problem and no obstacle', async ([, spoil]) => {
    const { b } = await world();
    const { next } = await b.rotate();
    const file = await storeFile();
    await spoil(file, formatBundleMap([bundleOf(next)]));
    const errors: unknown[] = [];
    const listener = (event: unknown): void =>
      void errors.push((event as SvidkitEvents['svidkit:source.error']).error.code);
    subscribe('svidkit:source.error', listener);
    closing(listener, () => unsubscribe('svidkit:source.error', listener));
    const { parameters, endpoint } = await webEndpoint();
    endpoint.replyOnce({ status: 500 });
    const bundle = await watch(parameters, { store: fileBundleStore(file) });
    expect(bundle.current).toBeUndefined();
    expect(errors).toEqual(['ERR_FEDERATION_STORE']);
    await bundle.refresh();
    expect(await readFile(file, 'utf8')).toBe(formatBundleMap([bundleOf(b)]));
    expect(bundle.health().problems).toEqual([]);
  });

  test('that cannot be written is a problem and no obstacle', async () => {
    const file = join(await storeFile(), 'no-such-directory', 'x');
    const { parameters } = await webEndpoint();
    const bundle = await watch(parameters, { store: fileBundleStore(file) });
    expect(bundle.current).toBeDefined();
    expect(bundle.health().problems).toEqual([expect.stringContaining('could not be stored')]);
  });

  test('ages while nobody runs', async () => {
    const { b } = await world();
    const file = await storeFile();
    await writeFile(file, formatBundleMap([bundleOf(b)]), { mode: 0o600 });
    const clock = clockAhead();
    await utimes(file, clock.now() / 1000, clock.now() / 1000 - 50);
    const { parameters } = await webEndpoint({ reply: { status: 500 } });
    const store = fileBundleStore(file);
    expect((await watch(parameters, { clock, store, maxStaleMs: 60_000 })).current).toBeDefined();
    expect((await watch(parameters, { clock, store, maxStaleMs: 40_000 })).current).toBeUndefined();
  });
});
