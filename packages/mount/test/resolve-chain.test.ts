import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { directFs, pooledFs } from '../src/mount-fs.ts';
import { type Chain, ChainResolver, fileMark } from '../src/resolve-chain.ts';

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'svidkit-chain-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function resolveNow(path: string): Promise<Chain> {
  return new ChainResolver(directFs).resolve(path);
}

async function generation(root: string, name: string): Promise<void> {
  await mkdir(join(root, name));
  await writeFile(join(root, name, 'file'), name);
  await symlink(name, join(root, '..data_tmp'));
  await rename(join(root, '..data_tmp'), join(root, '..data'));
}

test('follows each link and lists the directories that hold one, but not the generation', async () => {
  const root = await temporary();
  await mkdir(join(root, 'csi'));
  await generation(join(root, 'csi'), '..1');
  await symlink('..data/file', join(root, 'csi/file'));
  await symlink(join(root, 'csi'), join(root, 'app'));
  const chain = await resolveNow(join(root, 'app/file'));
  expect(chain).toMatchObject({
    realPath: join(root, 'csi/..1/file'),
    swapLink: join(root, 'csi/..data'),
    directories: [root, join(root, 'csi')],
    error: undefined,
  });
  expect(chain.entry?.isFile()).toBe(true);
});

test('watches the directory of a plain file', async () => {
  const root = await temporary();
  await writeFile(join(root, 'file'), '');
  expect((await resolveNow(join(root, 'file'))).directories).toEqual([root]);
});

test('watches the nearest directory that exists when the path does not', async () => {
  const root = await temporary();
  const chain = await resolveNow(join(root, 'a/b/file'));
  expect(chain).toMatchObject({ directories: [root], entry: undefined, error: { code: 'ENOENT' } });
});

test('one resolver answers from one moment: all files come from one generation', async () => {
  const root = await temporary();
  await generation(root, '..1');
  await symlink('..data/file', join(root, 'a'));
  await symlink('..data/file', join(root, 'b'));
  const resolver = new ChainResolver(directFs);
  const before = await resolver.resolve(join(root, 'a'));
  await generation(root, '..2');
  const after = await resolver.resolve(join(root, 'b'));
  expect(after.realPath).toBe(before.realPath);
  expect((await resolveNow(join(root, 'b'))).realPath).toBe(join(root, '..2/file'));
});

const changes: readonly (readonly [string, (root: string) => Promise<unknown>])[] = [
  ['its content', (root) => writeFile(join(root, 'real/file'), 'other')],
  [
    'its inode, with size and times kept',
    async (root) => {
      await writeFile(join(root, 'real/new'), 'text');
      await utimes(join(root, 'real/new'), 1, 1);
      await rename(join(root, 'real/new'), join(root, 'real/file'));
    },
  ],
  [
    'where a link leads',
    async (root) => {
      await rm(join(root, 'link'));
      await symlink('./real', join(root, 'link'));
    },
  ],
  [
    'the directory, with the same file moved into it',
    async (root) => {
      await rename(join(root, 'real'), join(root, 'old'));
      await mkdir(join(root, 'real'));
      await rename(join(root, 'old/file'), join(root, 'real/file'));
    },
  ],
  ['that it is gone', (root) => rm(join(root, 'real/file'))],
];
test.each(changes)('the signature of a file changes with %s', async (_, change) => {
  const root = await temporary();
  await mkdir(join(root, 'real'));
  await writeFile(join(root, 'real/file'), 'text');
  await utimes(join(root, 'real/file'), 1, 1);
  await symlink('real', join(root, 'link'));
  const path = join(root, 'link/file');
  const { signature } = await resolveNow(path);
  expect((await resolveNow(path)).signature).toBe(signature);
  await change(root);
  expect((await resolveNow(path)).signature).not.toBe(signature);
});

test('reads the same through the thread pool', async () => {
  const root = await temporary();
  await writeFile(join(root, 'file'), 'text');
  const path = join(root, 'file');
  const direct = await resolveNow(path);
  const pooled = await new ChainResolver(pooledFs).resolve(path);
  expect(pooled).toEqual(direct);
  for (const fs of [pooledFs, directFs]) {
    const { bytes, before, after } = await fs.read(path, 100);
    expect(bytes.toString()).toBe('text');
    expect([before, after].map(fileMark)).toEqual([fileMark(direct.entry), fileMark(direct.entry)]);
  }
  expect((await pooledFs.read(path, 3)).bytes).toHaveLength(0);
  expect(await pooledFs.readdir(root)).toEqual(await directFs.readdir(root));
  expect(await pooledFs.stat(join(root, 'none'))).toBeUndefined();
  expect(await directFs.stat(join(root, 'none'))).toBeUndefined();
});

test('opening a FIFO waits for nobody', async () => {
  const root = await temporary();
  const fifo = join(root, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const { bytes, before } = await pooledFs.read(fifo, 100);
  expect([bytes.length, before.isFIFO()]).toEqual([0, true]);
});
