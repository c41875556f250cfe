import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { kubeletWriter, manualClock } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const first = { 'tls.crt': 'cert 1', 'tls.key': 'key 1', 'ca.crt': 'ca 1' };
const second = { 'tls.crt': 'cert 2', 'tls.key': 'key 2', 'ca.crt': 'ca 2' };

function generations(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^\.\.\d{4}(_\d\d){5}\.\d+$/.test(name));
}

function read(directory: string, name: string): string {
  return readFileSync(join(directory, name), 'utf8');
}

test('the first write makes a generation, the ..data link and the visible links', async () => {
  const directory = join(temporaryDirectory(), 'volume');
  const rotation = kubeletWriter(directory).begin(first);
  expect(rotation.steps).toEqual([
    'mkdir',
    'write:tls.crt',
    'write:tls.key',
    'write:ca.crt',
    'link-data-tmp',
    'swap',
    'link:tls.crt',
    'link:tls.key',
    'link:ca.crt',
  ]);
  expect(existsSync(directory)).toBe(false);
  await rotation.finish();
  expect(rotation.done).toEqual(rotation.steps);

  const [generation] = generations(directory);
  expect(new Set(readdirSync(directory))).toEqual(
    new Set([generation, '..data', 'ca.crt', 'tls.crt', 'tls.key']),
  );
  expect(readlinkSync(join(directory, '..data'))).toBe(generation);
  expect(readlinkSync(join(directory, 'tls.crt'))).toBe('..data/tls.crt');
  expect(read(directory, 'tls.key')).toBe('key 1');
});

test('generations are named by the clock, and have mode 0755', async () => {
  const directory = temporaryDirectory();
  const clock = manualClock(Date.UTC(2026, 7, 9, 1, 2, 3));
  await kubeletWriter(directory, { clock }).write(first);
  const [generation = ''] = generations(directory);
  expect(generation).toMatch(/^\.\.2026_08_09_01_02_03\.\d+$/);
  expect(statSync(join(directory, generation)).mode & 0o777).toBe(0o755);
});

test('a rotation shows the old generation until the swap and the new one after it', async () => {
  const directory = temporaryDirectory();
  const writer = kubeletWriter(directory);
  await writer.write(first);
  const oldGeneration = readlinkSync(join(directory, '..data'));

  const rotation = writer.begin(second);
  expect(rotation.steps).toEqual([
    'mkdir',
    'write:tls.crt',
    'write:tls.key',
    'write:ca.crt',
    'link-data-tmp',
    'swap',
    'remove-old',
  ]);
  await rotation.runTo('write:ca.crt');
  expect(generations(directory)).toHaveLength(2);
  expect(read(directory, 'tls.crt')).toBe('cert 1');

  await rotation.runTo('link-data-tmp');
  expect(readdirSync(directory)).toContain('..data_tmp');
  expect(read(directory, 'tls.crt')).toBe('cert 1');

  // A reader that follows the link for each file tears here: certificate of one generation, key of the next.
  const cert = read(directory, 'tls.crt');
  await rotation.runTo('swap');
  expect([cert, read(directory, 'tls.key')]).toEqual(['cert 1', 'key 2']);
  expect(readdirSync(directory)).not.toContain('..data_tmp');

  // One that resolved the generation first still reads the old one, whole, until it is removed.
  expect(read(join(directory, oldGeneration), 'tls.key')).toBe('key 1');
  expect(await rotation.next()).toBe('remove-old');
  expect(() => read(join(directory, oldGeneration), 'tls.key')).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
  expect(await rotation.next()).toBeUndefined();
});

test('nothing is done when the files are as they were', async () => {
  const directory = temporaryDirectory();
  const writer = kubeletWriter(directory);
  await writer.write(first);
  const before = readlinkSync(join(directory, '..data'));
  expect(writer.begin({ ...first }).steps).toEqual([]);
  await writer.write({ ...first });
  expect(readlinkSync(join(directory, '..data'))).toBe(before);
  expect(writer.begin({ ...first, 'tls.crt': 'other' }).steps).not.toEqual([]);
});

test('a new name appears after the swap and a removed one goes after it', async () => {
  const directory = temporaryDirectory();
  const writer = kubeletWriter(directory);
  await writer.write(first);
  const rotation = writer.begin({ 'tls.crt': 'cert 2', 'tls.key': 'key 2', 'custom.pem': 'ca 2' });
  expect(rotation.steps.slice(-5)).toEqual([
    'link-data-tmp',
    'swap',
    'link:custom.pem',
    'unlink:ca.crt',
    'remove-old',
  ]);

  await rotation.runTo('swap');
  expect(existsSync(join(directory, 'custom.pem'))).toBe(false);
  expect(lstatSync(join(directory, 'ca.crt')).isSymbolicLink()).toBe(true);
  expect(existsSync(join(directory, 'ca.crt'))).toBe(false); // it dangles

  await rotation.runTo('link:custom.pem');
  expect(read(directory, 'custom.pem')).toBe('ca 2');
  await rotation.runTo('unlink:ca.crt');
  expect(readdirSync(directory)).not.toContain('ca.crt');
  await rotation.finish();
});

test('with linksFirst a new name dangles until the swap', async () => {
  const directory = temporaryDirectory();
  const writer = kubeletWriter(directory, { linksFirst: true });
  await writer.write(first);
  const rotation = writer.begin({ ...second, 'extra.pem': 'extra' });
  await rotation.runTo('link:extra.pem');
  expect(readdirSync(directory)).toContain('extra.pem');
  expect(() => read(directory, 'extra.pem')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  await rotation.runTo('swap');
  expect(read(directory, 'extra.pem')).toBe('extra');
});

test('with keepOld the old generation stays; without it, it goes', async () => {
  const kept = temporaryDirectory();
  const writer = kubeletWriter(kept, { keepOld: true });
  await writer.write(first);
  await writer.write(second);
  expect(generations(kept)).toHaveLength(2);
  await kubeletWriter(kept).write(first);
  expect(generations(kept)).toHaveLength(2); // only the one in use is removed
});

test('a ..data_tmp left by a crashed rotation makes the next one fail with EEXIST and leave no generation behind', async () => {
  const directory = temporaryDirectory();
  const writer = kubeletWriter(directory);
  await writer.write(first);
  await writer.begin(second).runTo('link-data-tmp');
  expect(generations(directory)).toHaveLength(2);

  const next = writer.begin({ ...second, 'ca.crt': 'ca 3' });
  await expect(next.finish()).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(next.next()).rejects.toMatchObject({ code: 'EEXIST' });
  expect(generations(directory)).toHaveLength(2);
  expect(read(directory, 'ca.crt')).toBe('ca 1');

  await kubeletWriter(directory, { staleDataTmp: 'replace' }).write({ ...second, 'ca.crt': 'ca 3' });
  expect(read(directory, 'ca.crt')).toBe('ca 3');
});

test('two rotations at once publish the later swap and leak the generation of the other', async () => {
  const directory = temporaryDirectory();
  const writer = kubeletWriter(directory);
  await writer.write(first);
  const one = writer.begin(second);
  const other = writer.begin({ ...second, 'tls.key': 'key 3' });
  await one.finish();
  await other.finish();
  expect(read(directory, 'tls.key')).toBe('key 3');
  expect(generations(directory)).toHaveLength(2);
});

test('files get the mode that was asked for, whatever the umask', async () => {
  const directory = temporaryDirectory();
  await kubeletWriter(directory, { fileMode: 0o666 }).write(first);
  expect(statSync(join(directory, 'tls.key')).mode & 0o777).toBe(0o666);
  await kubeletWriter(directory, { fileMode: 0o440 }).write(second);
  expect(statSync(join(directory, 'tls.key')).mode & 0o777).toBe(0o440);
});

test('names with directories get one visible link, to the first part', async () => {
  const directory = temporaryDirectory();
  const writer = kubeletWriter(directory);
  await writer.write({ 'a/tls.crt': 'cert', 'a/b/tls.key': 'key' });
  expect(readlinkSync(join(directory, 'a'))).toBe('..data/a');
  expect(read(directory, 'a/b/tls.key')).toBe('key');
  expect(writer.begin({ 'a/tls.crt': 'cert', 'a/b/tls.key': 'key' }).steps).toEqual([]);
});

test('a volume below a symbolic link is written through it', async () => {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'real'));
  symlinkSync('real', join(root, 'link'));
  await kubeletWriter(join(root, 'link')).write(first);
  expect(realpathSync(join(root, 'link', 'tls.crt')).startsWith(realpathSync(join(root, 'real')))).toBe(true);
});

test.for(['/tls.crt', '../tls.crt', 'a/../../tls.crt', '..data', 'a//b', '', './a'])(
  'the file name "%s" is refused before anything is written',
  (name) => {
    const directory = temporaryDirectory();
    expect(() => kubeletWriter(directory).begin({ [name]: '' })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
    );
    expect(readdirSync(directory)).toEqual([]);
  },
);

test('a step that is not there is refused with the names of those that are', async () => {
  const rotation = kubeletWriter(temporaryDirectory()).begin(first);
  await expect(rotation.runTo('swop')).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
    hint: expect.stringContaining('swap') as string,
  });
  await rotation.runTo('swap');
  await rotation.runTo('mkdir'); // done already
  expect(rotation.done.at(-1)).toBe('swap');
});

test('a volume that cannot be made lets the rotation fail with the reason of the file system', async () => {
  const directory = join(temporaryDirectory(), 'link');
  symlinkSync(join('nowhere', 'at all'), directory);
  await expect(kubeletWriter(directory).write(first)).rejects.toMatchObject({ syscall: 'mkdir' });
});
