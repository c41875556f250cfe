import { once } from 'node:events';
import { chmod, chown } from 'node:fs/promises';

import { createTestCa, inPlaceWriter, kubeletWriter, mountFiles, renameWriter } from '@svidkit/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';

import { openMountedDenyList, openMountedMigrationPolicy } from '../src/index.ts';
import { directFs, type MountFs } from '../src/mount-fs.ts';
import { mountSettings } from '../src/mount-options.ts';
import { systemPorts } from '../src/mount-ports.ts';
import { MountedSource } from '../src/mounted-source.ts';
import { deniedOf, denying, policyFixture } from './policy-fixture.ts';
import { stubWatch } from './stub-watch.ts';

const FILE = 'deny.json';

describe('how a mounted file of policy is watched', () => {
  test.each([0, 0.5, 0.999_999])(
    'without events a change counts within 600 ms (chance: %d)',
    async (chance) => {
      const { path, denyList, clock } = await policyFixture('poll');
      const writer = renameWriter(path('mount'));
      await writer.write({ [FILE]: denying('/a') });
      const { file, opening } = denyList({}, { random: () => chance });
      await opening;
      await file.check();
      await writer.write({ [FILE]: denying('/b') });
      const updated = Promise.withResolvers<void>();
      file.onUpdate(() => updated.resolve());
      clock.advance(600);
      await updated.promise;
      expect(deniedOf(file, '/a', '/b')).toEqual(['/b']);
    },
  );

  test('goes on polling when watching fails, says so, and loses nothing', async () => {
    const { path, denyList, clock } = await policyFixture('inotify');
    const writer = kubeletWriter(path('mount'));
    await writer.write({ [FILE]: denying('/a') });
    const stub = stubWatch();
    stub.failWith = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    const { file, opening } = denyList({ pollIntervalMs: 500 }, { watches: stub.watches });
    await opening;
    await file.check();
    expect(file.watchMode()).toBe('poll');
    expect(file.health().problems.join()).toContain('no events of the file system (ENOSPC)');
    await writer.write({ [FILE]: denying('/b') });
    const updated = Promise.withResolvers<void>();
    file.onUpdate(() => updated.resolve());
    clock.advance(600);
    await updated.promise;
    expect(deniedOf(file, '/a', '/b')).toEqual(['/b']);
  });

  test('a stream of events cannot put the look off, nor make it look all the time', async () => {
    const { path, denyList, clock } = await policyFixture('inotify');
    const writer = renameWriter(path('mount'));
    await writer.write({ [FILE]: denying('/a') });
    const stub = stubWatch();
    let looks = 0;
    const counting: MountFs = {
      ...directFs,
      lstat(name) {
        if (name === path(`mount/${FILE}`)) looks++;
        return directFs.lstat(name);
      },
    };
    const { file, opening } = denyList({}, { watches: stub.watches, chooseFs: async () => counting });
    await opening;
    await file.check();
    await writer.write({ [FILE]: denying('/b') });
    const updated = Promise.withResolvers<number>();
    const startMs = clock.now();
    file.onUpdate(() => updated.resolve(clock.now() - startMs));
    const before = looks;
    for (let elapsedMs = 0; elapsedMs < 50; elapsedMs++) {
      for (let event = 0; event < 100; event++) stub.listeners.forEach((listener) => listener.hint());
      clock.advance(1);
    }
    expect(await updated.promise).toBe(50);
    expect(looks - before).toBe(1);
  });

  test('a hint while it looks makes it look again', async () => {
    const { path, denyList, clock } = await policyFixture('inotify');
    const writer = renameWriter(path('mount'));
    await writer.write({ [FILE]: denying('/a') });
    const stub = stubWatch();
    let isHeld = false;
    const held = Promise.withResolvers<void>();
    const reading = Promise.withResolvers<void>();
    const slow: MountFs = {
      ...directFs,
      async read(name, maxBytes) {
        const opened = await directFs.read(name, maxBytes);
        if (isHeld) {
          reading.resolve();
          await held.promise;
        }
        return opened;
      },
    };
    const { file, opening } = denyList({}, { watches: stub.watches, chooseFs: async () => slow });
    await opening;
    await writer.write({ [FILE]: denying('/b') });
    isHeld = true;
    const look = file.check();
    await reading.promise;
    await writer.write({ [FILE]: denying('/c') });
    stub.listeners.forEach((listener) => listener.hint());
    held.resolve();
    await look;
    expect(deniedOf(file, '/b', '/c')).toEqual(['/b']);
    const updated = Promise.withResolvers<void>();
    file.onUpdate(() => updated.resolve());
    clock.advance(50);
    await updated.promise;
    expect(deniedOf(file, '/b', '/c')).toEqual(['/c']);
  });

  test('finds the second of two writes that look alike: same size, same times', async () => {
    const { path, denyList, clock } = await policyFixture('poll');
    const writer = inPlaceWriter(path('mount'));
    await writer.write({ [FILE]: denying('/a') });
    const coarse = coarseTimes();
    const { file, opening } = denyList({}, { slowFs: coarse, chooseFs: async () => coarse });
    await opening;
    await writer.write({ [FILE]: denying('/b') });
    const updated = Promise.withResolvers<void>();
    file.onUpdate(() => updated.resolve());
    clock.advance(600);
    await updated.promise;
    expect(deniedOf(file, '/a', '/b')).toEqual(['/b']);
  });

  test('shares the watch of its directory with the identity beside it, and lets go of it', async () => {
    const { path, denyList, migrationPolicy, clock } = await policyFixture('inotify');
    const ca = await createTestCa({ trustDomain: 'prod.example', clock });
    await kubeletWriter(path('mount')).write({
      ...mountFiles.secret(await ca.issue(), ca),
      [FILE]: denying('/a'),
      'policy.json': '{"version":1}',
    });
    const stub = stubWatch();
    const settings = mountSettings({ directory: path('mount'), clock, env: {} });
    const source = new MountedSource(settings, { ...systemPorts(), watches: stub.watches });
    onTestFinished(() => source.close());
    await source.open();
    const begun = [...stub.begun];
    const list = denyList({}, { watches: stub.watches });
    const policy = migrationPolicy({}, { watches: stub.watches });
    await Promise.all([list.opening, policy.opening]);
    expect(stub.begun).toEqual(begun);
    expect(list.file.watchMode()).toBe('inotify');
    await source.close();
    expect(stub.watches.size).toBeGreaterThan(0);
    await list.file.close();
    await policy.file.close();
    expect(stub.watches.size).toBe(0);
  });

  test('after closing, the last list stays in use, and nothing is watched or waited for', async () => {
    const { path, denyList, clock } = await policyFixture('poll');
    const writer = renameWriter(path('mount'));
    await writer.write({ [FILE]: denying('/a') });
    const loadedAt = clock.now();
    const { file, opening, pass, updates } = denyList();
    await opening;
    await pass(1_000);
    const closed = once(file.closed, 'abort');
    await file[Symbol.asyncDispose]();
    await closed;
    expect(file.closed.reason).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
    expect(clock.pending).toBe(0);
    await writer.write({ [FILE]: denying('/b') });
    await pass(1_000);
    expect(deniedOf(file, '/a', '/b')).toEqual(['/a']);
    expect(updates).toEqual([]);
    expect(file.health()).toMatchObject({ status: 'closed', loadedAt });
    await expect(file.close()).resolves.toBeUndefined();
  });

  test('can be closed by a listener, and while it looks or opens', async () => {
    const { path, denyList, clock } = await policyFixture('poll');
    const writer = renameWriter(path('mount'));
    await writer.write({ [FILE]: denying('/a') });
    const first = denyList();
    await first.opening;
    first.file.onUpdate(() => void first.file.close());
    clock.advance(10);
    await writer.write({ [FILE]: denying('/b') });
    await first.file.check();
    expect(first.file.health()).toMatchObject({ status: 'closed', loadedAt: clock.now() });
    expect([first.updates, deniedOf(first.file, '/b')]).toEqual([['deny-list'], ['/b']]);

    const second = denyList();
    await second.opening;
    await writer.write({ [FILE]: denying('/c') });
    const look = second.file.check();
    await second.file.close();
    await look;
    expect(second.updates).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('a signal ends the opening, and only that', async () => {
    const { path, denyList, clock } = await policyFixture('poll');
    const reason = new Error('enough');
    const abort = new AbortController();
    const waiting = denyList({ wait: 10_000, signal: abort.signal });
    await waiting.file.check();
    abort.abort(reason);
    await expect(waiting.opening).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    await expect(denyList({ signal: AbortSignal.abort(reason), fallback: {} }).opening).rejects.toBe(reason);

    await renameWriter(path('mount')).write({ [FILE]: denying('/a') });
    const later = new AbortController();
    const { file, opening } = denyList({ signal: later.signal });
    await opening;
    later.abort(reason);
    expect(file.closed.aborted).toBe(false);
  });

  test('warns of a file that is mounted by itself: it never changes', async () => {
    const { path, denyList } = await policyFixture('poll');
    await renameWriter(path('mount')).write({ [FILE]: denying('/a') });
    const readMountTable = async (): Promise<
      readonly { root: string; mountPoint: string; type: string }[]
    > => [
      { root: '/', mountPoint: '/', type: 'overlay' },
      { root: '/deny', mountPoint: path(`mount/${FILE}`), type: 'ext4' },
    ];
    const { file, opening, errors, pass } = denyList({}, { readMountTable });
    await opening;
    await pass(200_000, 20_000);
    expect(errors.map(({ code }) => code)).toEqual(['ERR_MOUNT_STALE']);
    expect(file.health()).toMatchObject({ status: 'current', lastError: undefined });
    expect(file.health().problems.join()).toContain('without subPath');
    expect(deniedOf(file, '/a')).toEqual(['/a']);
  });

  test('a directory that anybody may write is a warning, and one with the sticky bit is none', async () => {
    const { path, denyList } = await policyFixture('poll');
    await renameWriter(path('mount')).write({ [FILE]: denying('/a') });
    await chmod(path('mount'), 0o1777);
    const { file, opening, errors, update } = denyList();
    await opening;
    expect(errors).toEqual([]);
    await chmod(path('mount'), 0o777);
    await update(() => renameWriter(path('mount')).write({ [FILE]: denying('/b') }));
    expect(errors.map(({ code, file: where }) => [code, where])).toEqual([
      ['ERR_MOUNT_PERMISSIONS', path('mount')],
    ]);
    expect(file.health()).toMatchObject({ status: 'current', lastError: undefined });
    expect(file.health().problems.join()).toContain('replace the deny list');
  });

  test.skipIf(process.geteuid?.() !== 0)('a file of another user is a warning', async () => {
    const { path, denyList } = await policyFixture('poll');
    await renameWriter(path('mount')).write({ [FILE]: denying('/a') });
    await chown(path(`mount/${FILE}`), 12_345, 12_345);
    const { file, opening, errors } = denyList();
    await opening;
    expect(deniedOf(file, '/a')).toEqual(['/a']);
    expect(errors.map(({ code }) => code)).toEqual(['ERR_MOUNT_PERMISSIONS']);
  });

  test('a file that a writer never leaves alone is told of at last, and not without end', async () => {
    const { path, denyList, clock } = await policyFixture('poll');
    const writer = renameWriter(path('mount'));
    await writer.write({ [FILE]: denying('/a') });
    const { file, opening, errors } = denyList();
    await opening;
    for (let round = 0; round < 100; round++) {
      await writer.write({ [FILE]: `{"version":${round + 2}}` });
      clock.advance(100);
      await file.check();
    }
    expect(errors).toHaveLength(16);
    expect(deniedOf(file, '/a')).toEqual(['/a']);
  });
});

test('takes paths of any kind, and refuses options that cannot work', async () => {
  const { path } = await policyFixture('poll');
  await renameWriter(path('mount')).write({ [FILE]: denying(), 'policy.json': '{"version":1}' });
  await using list = await openMountedDenyList(path(`mount/../mount/./${FILE}`));
  expect(list.file).toBe(path(`mount/${FILE}`));
  await using policy = await openMountedMigrationPolicy(path('mount/policy.json'));
  expect(policy.current.mode).toBe('strict');
  for (const options of [{ wait: -1 }, { pollIntervalMs: 9 }, { watch: 'no' }, { fallback: { ids: 'x' } }]) {
    await expect(openMountedDenyList(list.file, options as object)).rejects.toMatchObject({
      code: 'ERR_CONFIG_OPTION',
    });
  }
  for (const name of ['', undefined, 'x\0']) {
    await expect(openMountedDenyList(name as string)).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
  }
  await expect(
    openMountedMigrationPolicy(path('mount/policy.json'), { fallback: { mode: 'lax' as 'strict' } }),
  ).rejects.toMatchObject({ code: 'ERR_CONFIG_OPTION' });
});

test('says of bytes that are no text that they are none', async () => {
  const { path, denyList } = await policyFixture('poll');
  await renameWriter(path('mount')).write({ [FILE]: Buffer.from([0x7b, 0xff, 0x7d]) });
  const { opening, pass } = denyList();
  await pass(1_000);
  await expect(opening).rejects.toThrow('want text in UTF-8');
});

test('a document that is a key by mistake shows nothing of it', async () => {
  const { path, denyList } = await policyFixture('poll');
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  const { keyPem } = await ca.issue();
  await renameWriter(path('mount'), { fileMode: 0o600 }).write({ [FILE]: keyPem });
  const { opening, pass } = denyList();
  await pass(1_000);
  const error: unknown = await opening.catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'ERR_POLICY_INVALID' });
  const secret = keyPem.split('\n')[1] ?? '';
  expect(`${JSON.stringify(error)} ${String((error as Error).cause)}`).not.toContain(secret.slice(0, 8));
});

/** A file system whose clock has but one tick. */
function coarseTimes(): MountFs {
  return {
    ...directFs,
    lstat: async (name) => timeless(await directFs.lstat(name)),
    async read(name, maxBytes) {
      const { bytes, before, after } = await directFs.read(name, maxBytes);
      return { bytes, before: timeless(before), after: timeless(after) };
    },
  };
}

function timeless<T extends { mtimeNs: bigint; ctimeNs: bigint }>(stats: T): T {
  return Object.assign(stats, { mtimeNs: 0n, ctimeNs: 0n });
}
