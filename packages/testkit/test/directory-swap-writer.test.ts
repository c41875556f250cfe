import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

import { expect, test } from 'vitest';

import { directorySwapWriter, manualClock } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const first = { 'certificates.pem': 'cert 1', 'private_key.pem': 'key 1' };
const second = { 'certificates.pem': 'cert 2', 'private_key.pem': 'key 2' };

function read(directory: string): string[] {
  return Object.keys(first).map((name) => readFileSync(join(directory, name), 'utf8'));
}

test('a link is swapped by one rename: old contents before it, new ones after it', async () => {
  const root = temporaryDirectory();
  const path = join(root, 'credentials');
  const writer = directorySwapWriter(path, { clock: manualClock(Date.UTC(2026, 0, 2, 3, 4, 5)) });
  await writer.write(first);
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(readlinkSync(path)).toMatch(/credentials-contents-2026-01-02T03:04:05Z\.\d+$/);
  expect(isAbsolute(readlinkSync(path))).toBe(true);
  expect(statSync(join(path, 'private_key.pem')).mode & 0o777).toBe(0o644);

  const rotation = writer.begin(second);
  expect(rotation.steps).toEqual([
    'mkdir',
    'write:certificates.pem',
    'write:private_key.pem',
    'link-temp',
    'swap',
    'remove-old',
  ]);
  const old = readlinkSync(path);
  await rotation.runTo('link-temp');
  expect(readdirSync(root)).toHaveLength(4);
  expect(read(path)).toEqual(['cert 1', 'key 1']);
  await rotation.runTo('swap');
  expect(read(path)).toEqual(['cert 2', 'key 2']);
  expect(existsSync(old)).toBe(true);
  await rotation.finish();
  expect(existsSync(old)).toBe(false);
  expect(readdirSync(root)).toHaveLength(2);
});

test('a link may be relative', async () => {
  const root = temporaryDirectory();
  const path = join(root, 'credentials');
  const writer = directorySwapWriter(path, { target: 'relative' });
  await writer.write(first);
  expect(readlinkSync(path)).not.toContain('/');
  await writer.write(second);
  expect(read(path)).toEqual(['cert 2', 'key 2']);
  expect(readdirSync(root)).toHaveLength(2);
});

test('with keepOld the old contents stay', async () => {
  const root = temporaryDirectory();
  const path = join(root, 'credentials');
  const writer = directorySwapWriter(path, { keepOld: true });
  await writer.write(first);
  const old = readlinkSync(path);
  await writer.write(second);
  expect(read(old)).toEqual(['cert 1', 'key 1']);
});

test('a directory replaced by renames is not there for a moment', async () => {
  const root = temporaryDirectory();
  const path = join(root, 'credentials');
  const writer = directorySwapWriter(path, { mode: 'rename' });
  expect(writer.begin(first).steps.slice(-1)).toEqual(['move-in']);
  await writer.write(first);
  const inode = statSync(path).ino;

  const rotation = writer.begin(second);
  expect(rotation.steps.slice(-3)).toEqual(['move-away', 'move-in', 'remove-old']);
  await rotation.runTo('write:private_key.pem');
  expect(read(path)).toEqual(['cert 1', 'key 1']);
  await rotation.runTo('move-away');
  expect(existsSync(path)).toBe(false);
  await rotation.runTo('move-in');
  expect(read(path)).toEqual(['cert 2', 'key 2']);
  expect(statSync(path).ino).not.toBe(inode);
  await rotation.finish();
  expect(readdirSync(root)).toEqual(['credentials']);
});

test('a directory that is made again is missing, then empty, then partial', async () => {
  const path = join(temporaryDirectory(), 'deep', 'credentials');
  const writer = directorySwapWriter(path, { mode: 'recreate' });
  expect(writer.begin(first).steps).toEqual(['mkdir', 'write:certificates.pem', 'write:private_key.pem']);
  await writer.write(first);

  const rotation = writer.begin(second);
  await rotation.runTo('remove');
  expect(existsSync(path)).toBe(false);
  await rotation.runTo('mkdir');
  expect(readdirSync(path)).toEqual([]);
  await rotation.runTo('write:certificates.pem');
  expect(readdirSync(path)).toEqual(['certificates.pem']);
  await rotation.finish();
  expect(read(path)).toEqual(['cert 2', 'key 2']);
});
