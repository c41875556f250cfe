import { spawnSync } from 'node:child_process';
import { chmod, mkdir, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';

import { type SpiffeErrorCode } from '@svidkit/core';
import {
  directorySwapWriter,
  inPlaceWriter,
  kubeletWriter,
  type MountWriter,
  renameWriter,
} from '@svidkit/testkit';
import { describe, expect, test } from 'vitest';

import { type Mode } from './open-reader.ts';
import { deniedOf, denying, policyFixture, type PolicyFixture } from './policy-fixture.ts';

const MODES: readonly Mode[] = ['inotify', 'poll'];
const FILE = 'deny.json';

const WRITERS: Readonly<Record<string, (directory: string) => MountWriter>> = {
  kubelet: (directory) => kubeletWriter(directory),
  rename: (directory) => renameWriter(directory),
  'rename with kept times': (directory) => renameWriter(directory, { keepTimes: true }),
  'rename and a late mode': (directory) => renameWriter(directory, { fileMode: 0o666, lateMode: 0o644 }),
  'directory swap': (directory) => directorySwapWriter(directory),
  'in place': (directory) => inPlaceWriter(directory, { cut: 5 }),
};

interface BadFile {
  readonly name: string;
  readonly code: SpiffeErrorCode;
  readonly spoil: (path: string) => Promise<unknown>;
}

async function replace(path: string, make: () => unknown): Promise<void> {
  await rm(path, { force: true });
  await make();
}

const BAD_FILES: readonly BadFile[] = [
  { name: 'nothing', code: 'ERR_MOUNT_NOT_FOUND', spoil: (path) => unlink(path) },
  { name: 'an empty file', code: 'ERR_POLICY_INVALID', spoil: (path) => truncate(path) },
  { name: 'half a file', code: 'ERR_POLICY_INVALID', spoil: (path) => truncate(path, 30) },
  {
    name: 'a typing error',
    code: 'ERR_POLICY_INVALID',
    spoil: (path) => writeFile(path, denying().replace('ids', 'id')),
  },
  {
    name: 'no text',
    code: 'ERR_POLICY_INVALID',
    spoil: (path) => writeFile(path, Buffer.from([0x22, 0xff, 0x22])),
  },
  {
    name: 'a byte order mark',
    code: 'ERR_POLICY_INVALID',
    spoil: (path) => writeFile(path, `\uFEFF${denying()}`),
  },
  { name: 'a directory', code: 'ERR_MOUNT_FILE_TYPE', spoil: (path) => replace(path, () => mkdir(path)) },
  {
    name: 'a FIFO',
    code: 'ERR_MOUNT_FILE_TYPE',
    spoil: (path) => replace(path, () => spawnSync('mkfifo', [path])),
  },
  {
    name: 'a link to a device',
    code: 'ERR_MOUNT_FILE_TYPE',
    spoil: (path) => replace(path, () => symlink('/dev/zero', path)),
  },
  {
    name: 'a dangling link',
    code: 'ERR_MOUNT_NOT_FOUND',
    spoil: (path) => replace(path, () => symlink('nowhere', path)),
  },
  {
    name: 'a link to itself',
    code: 'ERR_MOUNT_UNREADABLE',
    spoil: (path) => replace(path, () => symlink(path, path)),
  },
  { name: 'too large a file', code: 'ERR_MOUNT_TOO_LARGE', spoil: (path) => truncate(path, 1024 * 1024 + 1) },
  {
    name: 'a file that anybody may write',
    code: 'ERR_MOUNT_PERMISSIONS',
    spoil: (path) => chmod(path, 0o646),
  },
];

async function put(fixture: PolicyFixture, text: string): Promise<void> {
  await renameWriter(fixture.path('mount')).write({ [FILE]: text });
}

describe.each(MODES)('a mounted file of policy (%s)', (mode) => {
  test.each(Object.keys(WRITERS))('follows a writer that works by %s', async (name) => {
    const fixture = await policyFixture(mode);
    const writer = WRITERS[name]?.(fixture.path('mount'));
    await writer?.write({ [FILE]: denying('/a') });
    const { file, opening, update, updates, errors } = fixture.denyList();
    await opening;
    expect(deniedOf(file, '/a', '/b')).toEqual(['/a']);
    // Of the same length: only the state of the file tells that it is another one.
    await update(async () => writer?.write({ [FILE]: denying('/b') }));
    expect(deniedOf(file, '/a', '/b')).toEqual(['/b']);
    await update(async () => writer?.write({ [FILE]: denying() }));
    expect(deniedOf(file, '/a', '/b')).toEqual([]);
    expect([updates, errors]).toEqual([['deny-list', 'deny-list'], []]);
    expect(file.health()).toMatchObject({ status: 'current', lastError: undefined, problems: [] });
  });

  test.each(Object.keys(WRITERS))(
    'at each stop of a writer by %s, what is in use is the old or the new list, and nobody is alarmed',
    async (name) => {
      const fixture = await policyFixture(mode);
      const writer = WRITERS[name]?.(fixture.path('mount'));
      await writer?.write({ [FILE]: denying('/a') });
      const { file, opening, pass, errors } = fixture.denyList();
      await opening;
      const rotation = writer?.begin({ [FILE]: denying('/b', '/c') });
      const seen: string[] = [];
      while ((await rotation?.next()) !== undefined) {
        // Long enough for some retries.
        await pass(100, 20);
        seen.push(deniedOf(file, '/a', '/b', '/c').join(' '));
      }
      await pass(100, 20);
      expect(new Set([...seen, '/a', '/b /c'])).toEqual(new Set(['/a', '/b /c']));
      expect(deniedOf(file, '/a', '/b', '/c')).toEqual(['/b', '/c']);
      expect([errors, file.lastError]).toEqual([[], undefined]);
    },
  );

  test.each(BAD_FILES)(
    '$name keeps the last good list, and is told once, until it is good again',
    async ({ code, spoil }) => {
      const fixture = await policyFixture(mode);
      await put(fixture, denying('/a'));
      const { file, opening, update, updates, pass, errors } = fixture.denyList();
      await opening;
      let changes = 0;
      file.onUpdate(() => changes++);
      await spoil(file.file);
      await pass(3_000);
      expect(deniedOf(file, '/a')).toEqual(['/a']);
      expect(errors.map((error) => [error.code, error.file])).toEqual([[code, file.file]]);
      expect(file.lastError?.message).toBe(errors[0]?.message);
      const health = file.health();
      expect(health).toMatchObject({ status: 'last-good', lastError: { code } });
      expect(health.problems).toEqual([`${errors[0]?.message}. ${errors[0]?.hint}`]);

      // What was there before makes it good again, without being a change.
      await update(async () => {
        await rm(file.file, { recursive: true, force: true });
        await put(fixture, denying('/a'));
      });
      expect(file.health()).toMatchObject({ status: 'current', lastError: undefined, problems: [] });
      expect([updates, changes]).toEqual([['deny-list'], 0]);
      await update(() => put(fixture, denying('/b')));
      expect(deniedOf(file, '/a', '/b')).toEqual(['/b']);
      expect([changes, errors.length]).toEqual([1, 1]);
    },
  );

  test.each(BAD_FILES)(
    'opening with $name fails, or takes the fallback until the file is good',
    async ({ code, spoil }) => {
      const fixture = await policyFixture(mode);
      await put(fixture, denying('/a'));
      await spoil(fixture.path(`mount/${FILE}`));
      const hopeless = fixture.denyList();
      await hopeless.pass(1_000);
      await expect(hopeless.opening).rejects.toMatchObject({ code, file: fixture.path(`mount/${FILE}`) });
      expect(hopeless.file.closed.aborted).toBe(true);

      const { file, opening, pass, update, updates } = fixture.denyList({
        fallback: { ids: ['spiffe://prod.example/f'] },
      });
      await pass(1_000);
      await opening;
      expect(deniedOf(file, '/a', '/f')).toEqual(['/f']);
      expect(file.health()).toMatchObject({ status: 'fallback', loadedAt: undefined, lastError: { code } });
      await update(async () => {
        await rm(file.file, { recursive: true, force: true });
        await put(fixture, denying('/a'));
      });
      expect(deniedOf(file, '/a', '/f')).toEqual(['/a']);
      expect(updates).toEqual(['deny-list']);
      expect(file.health()).toMatchObject({ status: 'current', loadedAt: fixture.clock.now() });
    },
  );

  test('each distinct problem is told once, also when they take turns', async () => {
    const fixture = await policyFixture(mode);
    await put(fixture, denying());
    const { opening, pass, errors, update } = fixture.denyList();
    await opening;
    for (const text of ['{', '{"version":2}', '{', '{"version":2}']) {
      await put(fixture, text);
      await pass(1_000);
    }
    expect(errors.map(({ message }) => message.includes('version'))).toEqual([false, true]);
    // After it has been good, it is news again.
    await update(() => put(fixture, denying('/a')));
    await put(fixture, '{');
    await pass(1_000);
    expect(errors).toHaveLength(3);
  });

  test('the whole directory may go and come back', async () => {
    const fixture = await policyFixture(mode);
    await put(fixture, denying('/a'));
    const { file, opening, pass, errors, update } = fixture.denyList();
    await opening;
    await rename(fixture.path('mount'), fixture.path('gone'));
    await pass(1_000);
    expect(errors.map(({ code }) => code)).toEqual(['ERR_MOUNT_NOT_FOUND']);
    await update(() => put(fixture, denying('/b')));
    expect(deniedOf(file, '/a', '/b')).toEqual(['/b']);
  });

  test('waits for the file as long as it is told to', async () => {
    const fixture = await policyFixture(mode);
    const late = fixture.denyList({ wait: 30_000 });
    await late.pass(20_000, 1_000);
    await put(fixture, denying('/a'));
    await late.pass(1_000);
    await late.opening;
    expect(deniedOf(late.file, '/a')).toEqual(['/a']);

    await unlink(late.file.file);
    const never = fixture.denyList({ wait: 30_000 });
    await never.pass(29_000, 1_000);
    expect(never.file.closed.aborted).toBe(false);
    await never.pass(1_000);
    await expect(never.opening).rejects.toMatchObject({ code: 'ERR_MOUNT_NOT_FOUND', file: never.file.file });

    const contentWithFallback = fixture.denyList({ wait: 30_000, fallback: {} });
    await contentWithFallback.pass(30_000, 1_000);
    await contentWithFallback.opening;
    expect(contentWithFallback.file.health().status).toBe('fallback');
  });

  test('a migration policy is replaced as a whole: what a new one leaves out is the default again', async () => {
    const fixture = await policyFixture(mode);
    const writer = kubeletWriter(fixture.path('mount'));
    const entry = 'spiffe://prod.example/web';
    const write = (values: object): Promise<void> =>
      writer.write({ 'policy.json': JSON.stringify({ version: 1, ...values }) });
    await write({ mode: 'permissive', prefer: 'legacy', dryRun: true, allow: { payments: [entry] } });
    const { file, opening, update, updates } = fixture.migrationPolicy();
    await opening;
    expect(file.current).toMatchObject({ mode: 'permissive', prefer: 'legacy', dryRun: true });
    expect([...file.current.allow.keys()]).toEqual(['payments']);
    const before = file.current;
    const seen: unknown[] = [];
    file.onUpdate((policy) => seen.push(policy));
    await update(() => write({ prefer: 'legacy' }));
    expect(file.current).toEqual({ mode: 'strict', prefer: 'legacy', dryRun: false, allow: new Map() });
    expect(before.mode).toBe('permissive');
    expect(seen).toEqual([file.current]);
    expect(updates).toEqual(['migration-policy']);
  });

  test('the same text once more is no change', async () => {
    const fixture = await policyFixture(mode);
    const writer = renameWriter(fixture.path('mount'));
    await writer.write({ 'policy.json': '{"version":1}' });
    const { file, opening, pass, update, updates } = fixture.migrationPolicy();
    await opening;
    const seen: string[] = [];
    file.onUpdate(({ mode: next }) => seen.push(next));
    await writer.write({ 'policy.json': '{"version":1}' });
    await pass(1_000);
    expect([seen, updates]).toEqual([[], []]);
    await update(() => writer.write({ 'policy.json': '{"version":1,"mode":"permissive"}' }));
    expect(seen).toEqual(['permissive']);
  });
});
