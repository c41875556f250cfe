// `scenario` is the test block here.
// oxlint-disable vitest/no-standalone-expect
import { spawnSync } from 'node:child_process';
import { chmod, chown, link, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';

import { SpiffeError } from '@svidkit/core';
import { kubeletWriter, mountFiles, renameWriter } from '@svidkit/testkit';
import { expect } from 'vitest';

import { directFs } from '../src/mount-fs.ts';
import { scenario } from './scenario.ts';

scenario(42, 'warns once of a key that others can read or write, and uses it', async ({ ca, path, open }) => {
  for (const [mode, count] of [
    [0o600, 0],
    [0o440, 0],
    [0o644, 1],
    [0o666, 2],
  ] as const) {
    const directory = path(`mount-${mode.toString(8)}`);
    const writer = kubeletWriter(directory, { fileMode: mode });
    await writer.write({ ...mountFiles.secret(await ca.issue(), ca) });
    const reader = await open({ directory });
    const aboutKey = (): readonly SpiffeError[] =>
      reader.errors.filter(({ code, file }) => code === 'ERR_MOUNT_PERMISSIONS' && file?.endsWith('tls.key'));
    expect(aboutKey()).toHaveLength(count);
    const files = mountFiles.secret(await ca.issue(), ca);
    await reader.update(() => writer.write(files));
    expect(aboutKey()).toHaveLength(count);
    expect(reader.source.health()).toMatchObject({ ready: true, lastError: undefined });
    expect(
      reader.source
        .health()
        .problems.join()
        .includes(`mode 0${mode.toString(8)}`),
    ).toBe(count > 0);
  }
});

scenario(42, 'with strictPermissions never uses such a key', async ({ ca, path, open }) => {
  const writer = renameWriter(path('mount'), { fileMode: 0o600 });
  await writer.write(mountFiles.secret(await ca.issue({ path: '/0' }), ca));
  const reader = await open({ strictPermissions: true });
  await reader.silence(async () => {
    await renameWriter(path('mount'), { fileMode: 0o604 }).write(
      mountFiles.secret(await ca.issue({ path: '/1' }), ca),
    );
  });
  expect(reader.source.current.svid.id.path).toBe('/0');
  expect(reader.source.health().lastError).toMatchObject({
    code: 'ERR_MOUNT_PERMISSIONS',
    file: path('mount/tls.key'),
  });
  await expect(open({ strictPermissions: true, wait: 0 })).rejects.toMatchObject({
    cause: { code: 'ERR_MOUNT_PERMISSIONS' },
  });
  await reader.update(() => chmod(path('mount/tls.key'), 0o600));
  expect(reader.source.current.svid.id.path).toBe('/1');
});

scenario(
  42,
  'warns of a directory that others can write, but not of a sticky or setgid one',
  async ({ ca, path, open }) => {
    for (const [mode, count] of [
      [0o777, 1],
      [0o1777, 0],
      [0o2755, 0],
    ] as const) {
      const directory = path(`mount-${mode.toString(8)}`);
      await mkdir(directory);
      await chmod(directory, mode);
      await renameWriter(directory, { fileMode: 0o600 }).write(mountFiles.secret(await ca.issue(), ca));
      const reader = await open({ directory });
      expect(reader.errors.filter(({ code }) => code === 'ERR_MOUNT_PERMISSIONS')).toHaveLength(count);
    }
  },
);

scenario(
  42,
  'warns of files that belong to someone else',
  async ({ ca, path, open }) => {
    await renameWriter(path('mount'), { fileMode: 0o600 }).write(mountFiles.secret(await ca.issue(), ca));
    await chown(path('mount/tls.key'), 12_345, 0);
    const reader = await open();
    expect(reader.errors).toEqual([
      expect.objectContaining({ code: 'ERR_MOUNT_PERMISSIONS', file: path('mount/tls.key') }),
    ]);
    expect(reader.errors[0]?.message).toContain('uid 12345');
  },
  { needs: 'chown' },
);

interface Obstacle {
  readonly name: string;
  readonly put: (file: string) => Promise<unknown>;
  readonly code: string;
}
const obstacles: readonly Obstacle[] = [
  {
    name: 'a huge file',
    put: async (file) => (await writeFile(file, 'x'), truncate(file, 2 ** 40)),
    code: 'ERR_MOUNT_TOO_LARGE',
  },
  { name: 'a FIFO', put: async (file) => spawnSync('mkfifo', [file]), code: 'ERR_MOUNT_FILE_TYPE' },
  { name: 'a directory', put: (file) => mkdir(file), code: 'ERR_MOUNT_FILE_TYPE' },
  { name: 'a device', put: (file) => symlink('/dev/zero', file), code: 'ERR_MOUNT_FILE_TYPE' },
  { name: 'a dangling link', put: (file) => symlink('/nowhere/at/all', file), code: 'ERR_MOUNT_NOT_FOUND' },
  { name: 'a link to itself', put: (file) => symlink(file, file), code: 'ERR_MOUNT_UNREADABLE' },
  {
    name: 'a path through a file',
    put: (file) => symlink(`${file}/../ca.crt/tls.key`, file),
    code: 'ERR_MOUNT_UNREADABLE',
  },
  { name: 'an empty file', put: (file) => writeFile(file, ''), code: 'ERR_SVID_KEY_INVALID' },
];
for (const { name, put, code } of obstacles) {
  scenario(
    46,
    `finds ${name} in the place of the key, says so, and goes on with the last good one`,
    async ({ ca, path, open, secret }) => {
      const writer = renameWriter(path('mount'));
      await writer.write(await secret({ path: '/0' }));
      const reader = await open();
      const key = path('mount/tls.key');
      await reader.silence(async () => {
        await rm(key);
        await put(key);
      });
      const { lastError } = reader.source.health();
      expect(lastError).toBeInstanceOf(SpiffeError);
      expect(lastError).toMatchObject({ code, file: key });
      expect(lastError?.message).toContain(key);
      expect(lastError?.hint).toBeTruthy();
      expect(reader.source.current.svid.id.path).toBe('/0');

      await rm(key, { recursive: true });
      const files = mountFiles.secret(await ca.issue({ path: '/1' }), ca);
      await reader.update(() => writer.write(files));
      expect(reader.source.current.svid.id.path).toBe('/1');
    },
  );
}

scenario(
  46,
  'reads through a hard link, and through forty links but no more',
  async ({ path, open, secret }) => {
    await renameWriter(path('real')).write(await secret());
    await mkdir(path('mount'));
    await link(path('real/tls.crt'), path('mount/tls.crt'));
    await link(path('real/ca.crt'), path('mount/ca.crt'));
    await symlink(path('real/tls.key'), path('key-1'));
    for (let index = 2; index <= 40; index++) await symlink(path(`key-${index - 1}`), path(`key-${index}`));
    await symlink(path('key-39'), path('mount/tls.key'));
    const reader = await open({ wait: 0 });
    expect(reader.source.current.generation).toBe(1);
    await rm(path('mount/tls.key'));
    await symlink(path('key-40'), path('mount/tls.key'));
    await expect(open({ wait: 0 })).rejects.toMatchObject({
      cause: { code: 'ERR_MOUNT_UNREADABLE' },
    });
  },
);

scenario(47, 'waits for the first issuance', async ({ clock, path, open, secret }) => {
  const opening = open();
  const ticking = setInterval(() => clock.advance(20), 1);
  try {
    await kubeletWriter(path('mount')).write(await secret({ path: '/first' }));
    const reader = await opening;
    expect(reader.source.current.svid.id.path).toBe('/first');
    expect(reader.source.current.generation).toBe(1);
  } finally {
    clearInterval(ticking);
  }
});

scenario(
  47,
  'gives up after the time to wait, and lists what it saw at each place',
  async ({ clock, path, open, secret }) => {
    const { 'ca.crt': _, ...incomplete } = await secret();
    await renameWriter(path('b')).write(incomplete);
    await mkdir(path('a'));
    const searchDirectories = [path('missing'), path('a'), path('b')];
    // Nothing here waits for the thread pool, so a few turns of the event loop are enough for a look.
    const ports = { slowFs: directFs, chooseFs: async () => directFs };
    const failures: unknown[] = [];
    const opening = open({ directory: '', searchDirectories, wait: 30_000 }, ports);
    const over = opening.catch((error: unknown) => failures.push(error));
    const startMs = clock.now();
    while (failures.length === 0 && clock.now() - startMs < 60_000) {
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      clock.advance(500);
    }
    await over;
    expect(clock.now() - startMs).toBeLessThan(32_000);
    const [failure] = failures;
    expect(failure).toMatchObject({
      code: 'ERR_SOURCE_TIMEOUT',
      cause: { code: 'ERR_MOUNT_NOT_FOUND', file: path('b/ca.crt') },
    });
    expect(String(failure)).toMatch(
      /within 30000 ms.*missing: .*ENOENT.*a: .*no files.*b: want the trust bundle of prod\.example/s,
    );
    expect((failure as SpiffeError).hint).toContain('files.ca');
    expect(clock.pending).toBe(0);
  },
);

scenario(47, 'gives up when the signal says so, with its reason', async ({ path, open, clock }) => {
  await mkdir(path('mount'));
  const controller = new AbortController();
  const opening = open({ signal: controller.signal });
  const reason = new Error('shutting down');
  controller.abort(reason);
  await expect(opening).rejects.toBe(reason);
  await expect(open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await new Promise(setImmediate);
  expect(clock.pending).toBe(0);
});

scenario(47, 'a signal that aborts after the opening closes nothing', async ({ path, open, secret }) => {
  await renameWriter(path('mount')).write(await secret());
  const controller = new AbortController();
  const reader = await open({ signal: controller.signal });
  controller.abort();
  await reader.source.check();
  expect(reader.source.current.generation).toBe(1);
});
