// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { kubeletWriter, mountFiles, renameWriter } from '@svidkit/testkit';
import { expect, onTestFinished } from 'vitest';

import { directFs, type MountFs } from '../src/mount-fs.ts';
import { scenario } from './scenario.ts';
import { stubWatch } from './stub-watch.ts';

for (const code of ['ENOSPC', 'EMFILE']) {
  scenario(
    39,
    `polls when watching fails with ${code}, and watches again when that is over`,
    async ({ path, open, secret, clock }) => {
      const writer = kubeletWriter(path('mount'));
      await writer.write(await secret({ path: '/0' }));
      const stub = stubWatch();
      stub.failWith = Object.assign(new Error(code), { code });
      const reader = await open({ pollIntervalMs: 10_000 }, { watches: stub.watches });
      await reader.source.check();
      expect(reader.source.watchMode()).toBe('poll');
      expect(reader.source.health().problems.join()).toContain(`no events of the file system (${code})`);

      await writer.write(await secret({ path: '/1' }));
      clock.advance(12_000);
      await reader.source.check();
      expect(reader.source.current.svid.id.path).toBe('/1');

      // Not tried over and over: the pauses grow.
      const tries = stub.begun.length;
      await reader.pass(60_000, 1_000);
      expect(stub.begun.length - tries).toBeLessThan(7);

      stub.failWith = undefined;
      await reader.pass(120_000, 10_000);
      expect(stub.listeners.length).toBeGreaterThan(0);
      stub.listeners.forEach((listener) => listener.hint());
      expect(reader.source.watchMode()).toBe('inotify');
      await writer.write(await secret({ path: '/2' }));
      stub.listeners.forEach((listener) => listener.hint());
      clock.advance(50);
      await reader.source.check();
      expect(reader.source.current.svid.id.path).toBe('/2');
      expect(reader.source.health().problems.join()).not.toContain('no events');
    },
    { modes: ['inotify'] },
  );
}

scenario(
  40,
  'finds every change by polling when no event ever comes',
  async ({ path, open, secret, clock }) => {
    const stub = stubWatch();
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open({ pollIntervalMs: 10_000, watch: true }, { watches: stub.watches });
    for (const id of ['/1', '/2', '/3']) {
      const files = await secret({ path: id });
      await writer.write(files);
      clock.advance(7_900);
      expect(reader.source.current.svid.id.path).not.toBe(id);
      clock.advance(4_100);
      await reader.source.check();
      expect(reader.source.current.svid.id.path).toBe(id);
    }
    expect(stub.begun.length).toBeGreaterThan(0);
  },
);

scenario(
  10,
  'while there is nothing yet, watches the nearest directory that exists',
  async ({ root, path, open, secret, clock }) => {
    const stub = stubWatch();
    const opening = open({ directory: path('later/mount') }, { watches: stub.watches });
    while (stub.begun.length === 0) await new Promise(setImmediate);
    expect(stub.begun).toEqual([root]);
    await renameWriter(path('later/mount')).write(await secret({ path: '/late' }));
    stub.listeners.forEach((listener) => listener.hint());
    clock.advance(50);
    const reader = await opening;
    expect(reader.source.current.svid.id.path).toBe('/late');
  },
  { modes: ['inotify'] },
);

scenario(
  40,
  'polls by itself, with little effort while nothing changes',
  async ({ path, open, secret, clock }) => {
    const writer = renameWriter(path('mount'), { fileMode: 0o600 });
    await writer.write(await secret({ path: '/0' }));
    let [small, whole] = [0, 0];
    const counting: MountFs = {
      ...directFs,
      stat: (file) => (small++, directFs.stat(file)),
      lstat: (file) => (whole++, directFs.lstat(file)),
    };
    const reader = await open({ watch: false, pollIntervalMs: 10_000 }, { chooseFs: async () => counting });
    const poll = async (): Promise<void> => {
      clock.advance(12_000);
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    };
    for (const id of ['/1', '/2']) {
      await poll();
      [small, whole] = [0, 0];
      for (let count = 0; count < 4; count++) await poll();
      // Three files, four times.
      expect([small, whole]).toEqual([12, 0]);
      await writer.write(await secret({ path: id }));
      await poll();
      expect(reader.source.current.svid.id.path).toBe(id);
    }
    // Now and then it resolves the paths anew, so that watches stay right.
    whole = 0;
    for (let count = 0; count < 7; count++) await poll();
    expect(whole).toBeGreaterThan(0);
  },
);

scenario(
  41,
  'a storm of ten thousand events costs a few looks, and ends with the right state',
  async ({ path, open, secret, clock }) => {
    const stub = stubWatch();
    const writer = renameWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    let looks = 0;
    const counting = {
      ...directFs,
      lstat: (file: string) => {
        if (file === path('mount/tls.crt')) looks++;
        return directFs.lstat(file);
      },
    };
    const reader = await open({}, { watches: stub.watches, chooseFs: async () => counting });
    await writer.write(await secret({ path: '/1' }));
    const before = looks;
    for (let millisecond = 0; millisecond < 1_000; millisecond++) {
      for (let event = 0; event < 10; event++) stub.listeners.forEach((listener) => listener.hint());
      clock.advance(1);
      // Lets looks that have begun go on.
      if (millisecond % 50 === 0) await reader.source.check();
    }
    const duringStorm = looks - before;
    expect(reader.source.current.svid.id.path).toBe('/1');
    // 20 looks of the test itself and those after half a second each, with at most two askings each.
    expect(duringStorm).toBeLessThan(70);
    expect(reader.updates).toHaveLength(2);
  },
  { modes: ['inotify'] },
);

scenario(
  41,
  'looks half a second after the first of a stream of events, although it never gets quiet',
  async ({ path, open, secret, clock }) => {
    const stub = stubWatch();
    const writer = renameWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open({}, { watches: stub.watches });
    await writer.write(await secret({ path: '/1' }));
    const updated = Promise.withResolvers<number>();
    const startMs = clock.now();
    reader.source.onUpdate(() => updated.resolve(clock.now() - startMs));
    for (let elapsedMs = 0; elapsedMs < 510; elapsedMs += 10) {
      stub.listeners.forEach((listener) => listener.hint());
      clock.advance(10);
    }
    expect(await updated.promise).toBeGreaterThanOrEqual(500);
  },
  { modes: ['inotify'] },
);

scenario(
  41,
  'a swapped "..data" link is read at once, without waiting for quiet',
  async ({ path, open, secret }) => {
    const stub = stubWatch();
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open({}, { watches: stub.watches });
    await reader.source.check();
    await writer.write(await secret({ path: '/1' }));
    const updated = Promise.withResolvers<void>();
    reader.source.onUpdate(() => updated.resolve());
    stub.listeners.forEach((listener) => listener.hint());
    // The clock stands still.
    await updated.promise;
    expect(reader.source.current.svid.id.path).toBe('/1');
  },
  { modes: ['inotify'] },
);

scenario(
  45,
  'two readers of one directory share its watch, and each closes for itself',
  async ({ path, open, secret }) => {
    const stub = stubWatch();
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const first = await open({}, { watches: stub.watches });
    const second = await open({}, { watches: stub.watches });
    const directories = new Set(stub.begun);
    expect(stub.begun).toHaveLength(directories.size);
    await first.source.close();
    const files = await secret({ path: '/1' });
    await writer.write(files);
    await second.source.check();
    expect(second.source.current.svid.id.path).toBe('/1');
    expect(() => first.source.current).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }));
    await second.source.close();
    expect(stub.watches.size).toBe(0);
    expect(stub.listeners).toHaveLength(0);
  },
);

scenario(
  45,
  'can be closed while it loads, waits for quiet, or is about to read again',
  async ({ path, open, secret, ca, clock }) => {
    const writer = renameWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const states: readonly (readonly [
      string,
      (reader: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
    ])[] = [
      ['load', async ({ source }) => source.check()],
      ['debounce', async () => clock.advance(10)],
      [
        'retry',
        async ({ source }) => {
          await writer.write({ 'tls.key': (await ca.issue()).keyPem });
          await source.check();
        },
      ],
    ];
    for (const [, enter] of states) {
      await writer.write(await secret({ path: '/0' }));
      const reader = await open();
      await writer.write(await secret({ path: '/1' }));
      const entered = enter(reader);
      await reader.source.close();
      await entered;
      clock.advance(100_000);
      await reader.source.check();
      expect(reader.source.closed.aborted).toBe(true);
      expect(reader.updates.at(-1)?.context).toBeUndefined();
      expect(reader.source.health()).toMatchObject({
        status: 'expired',
        ready: false,
        lastError: { code: 'ERR_SOURCE_CLOSED' },
      });
      await expect(reader.source.close()).resolves.toBeUndefined();
    }
    expect(clock.pending).toBe(0);
  },
);

scenario(
  50,
  'a listener that throws disturbs neither the reader nor the others',
  async ({ path, open, secret }) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open();
    const seen: string[] = [];
    reader.source.onUpdate(() => {
      throw new Error('listener');
    });
    reader.source.onUpdate(() => {
      for (const end = performance.now() + 20; performance.now() < end;);
    });
    reader.source.onUpdate((context) => void seen.push(context?.svid.id.path ?? ''));
    for (const id of ['/1', '/2']) {
      const files = await secret({ path: id });
      await reader.update(() => writer.write(files));
    }
    expect(seen).toEqual(['/1', '/2']);
    await new Promise(setImmediate);
    expect(warnings.some(({ message }) => message.includes('listener'))).toBe(true);
  },
);

scenario(
  50,
  'goes over to non-SPIFFE certificates and back: the SPIFFE identity stays meanwhile',
  async ({ ca, path, open, secret }) => {
    const writer = kubeletWriter(path('mount'));
    await writer.write(await secret({ path: '/0' }));
    const reader = await open();
    const legacy = mountFiles.secret(await ca.issue({ defects: ['no-uri-san'] }), ca);
    await reader.silence(() => writer.write(legacy));
    expect(reader.source.current.svid.id.path).toBe('/0');
    expect(reader.source.health().lastError?.code).toBe('ERR_SVID_URI_SAN');
    const files = await secret({ path: '/1' });
    expect((await reader.update(() => writer.write(files))).svid.id.path).toBe('/1');
  },
);
