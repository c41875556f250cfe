import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { createTestCa, mountFiles, renameWriter } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const first = { 'tls.crt': 'cert 1', 'tls.key': 'key 1', 'ca.crt': 'ca 1' };
const second = { 'tls.crt': 'cert 2', 'tls.key': 'key 2', 'ca.crt': 'ca 2' };

function read(directory: string, name: string): string {
  return readFileSync(join(directory, name), 'utf8');
}

function renames(steps: readonly string[]): string[] {
  return steps.filter((step) => step.startsWith('rename:'));
}

test('each file goes through a temporary file beside it and keeps its name all the time', async () => {
  const directory = join(temporaryDirectory(), 'made');
  const writer = renameWriter(directory);
  await writer.write(first);
  const rotation = writer.begin(second);
  expect(rotation.steps.slice(0, 4)).toEqual([
    'create-temp:tls.crt',
    'sync-temp:tls.crt',
    'chmod-temp:tls.crt',
    'rename:tls.crt',
  ]);

  const inode = statSync(join(directory, 'tls.crt')).ino;
  await rotation.runTo('create-temp:tls.crt');
  const temporary = readdirSync(directory).find((name) => !(name in first)) ?? '';
  expect(read(directory, temporary)).toBe('cert 2');
  expect(statSync(join(directory, temporary)).mode & 0o777).toBe(0o600);
  await rotation.runTo('chmod-temp:tls.crt');
  expect(statSync(join(directory, temporary)).mode & 0o777).toBe(0o644);
  expect(read(directory, 'tls.crt')).toBe('cert 1');

  await rotation.runTo('rename:tls.crt');
  expect(readdirSync(directory).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
  expect(statSync(join(directory, 'tls.crt')).ino).not.toBe(inode);
  // The torn state of per-file writers: new certificate, old key, old bundle.
  expect(Object.keys(first).map((name) => read(directory, name))).toEqual(['cert 2', 'key 1', 'ca 1']);

  await rotation.finish();
  expect(Object.keys(first).map((name) => read(directory, name))).toEqual(['cert 2', 'key 2', 'ca 2']);
});

test('the order is as asked: key first, certificate first, or by name', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const directory = temporaryDirectory();
  const { 'root-cert.pem': root, ...pair } = mountFiles.istio(await ca.issue(), ca);
  const files = { 'root-cert.pem': root ?? '', ...pair };

  expect(renames(renameWriter(directory).begin(files).steps)).toEqual([
    'rename:root-cert.pem',
    'rename:cert-chain.pem',
    'rename:key.pem',
  ]);
  expect(renames(renameWriter(directory, { order: 'key-first' }).begin(files).steps)).toEqual([
    'rename:key.pem',
    'rename:cert-chain.pem',
    'rename:root-cert.pem',
  ]);
  expect(renames(renameWriter(directory, { order: 'cert-first' }).begin(files).steps)).toEqual([
    'rename:cert-chain.pem',
    'rename:key.pem',
    'rename:root-cert.pem',
  ]);
  const order = ['cert-chain.pem', 'root-cert.pem', 'key.pem'];
  expect(renames(renameWriter(directory, { order }).begin(files).steps)).toEqual(
    order.map((name) => `rename:${name}`),
  );
  expect(() => renameWriter(directory, { order: ['key.pem'] }).begin(files)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
  );
});

test('key first leaves the new key beside the old certificate', async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const [before, after] = [await ca.issue(), await ca.issue()];
  const directory = temporaryDirectory();
  const writer = renameWriter(directory, { order: 'key-first' });
  await writer.write(mountFiles.istio(before, ca));
  const rotation = writer.begin(mountFiles.istio(after, ca));
  await rotation.runTo('rename:key.pem');
  expect(read(directory, 'key.pem')).toBe(after.keyPem);
  expect(read(directory, 'cert-chain.pem')).toBe(before.certPem);
});

test('with skipUnchanged a file that is as it was keeps its inode; without it, it does not', async () => {
  const directory = temporaryDirectory();
  await renameWriter(directory).write(first);
  const inode = statSync(join(directory, 'ca.crt')).ino;
  await renameWriter(directory, { skipUnchanged: true }).write({ ...second, 'ca.crt': 'ca 1' });
  expect(statSync(join(directory, 'ca.crt')).ino).toBe(inode);
  await renameWriter(directory).write({ ...second, 'ca.crt': 'ca 1' });
  expect(statSync(join(directory, 'ca.crt')).ino).not.toBe(inode);
});

test('with keepTimes neither size nor times tell the new file from the old one', async () => {
  const directory = temporaryDirectory();
  const writer = renameWriter(directory, { keepTimes: true });
  await writer.write(first);
  utimesSync(join(directory, 'tls.crt'), 1_000, 2_000);
  await writer.write(second);
  const { size, mtimeMs } = statSync(join(directory, 'tls.crt'));
  expect({ size, mtimeMs }).toEqual({ size: 6, mtimeMs: 2_000_000 });
  expect(read(directory, 'tls.crt')).toBe('cert 2');
});

test('with lateMode the new file is there before it has its final mode', async () => {
  const directory = temporaryDirectory();
  const rotation = renameWriter(directory, { fileMode: 0o000, lateMode: 0o640 }).begin(first);
  await rotation.runTo('rename:tls.key');
  expect(statSync(join(directory, 'tls.key')).mode & 0o777).toBe(0);
  await rotation.runTo('chmod:tls.key');
  expect(statSync(join(directory, 'tls.key')).mode & 0o777).toBe(0o640);
});
