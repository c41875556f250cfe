import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, expect, test } from 'vitest';

import { createTestCa, type Cut, inPlaceWriter, mountFiles, type TestSvid } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

let before: Record<string, string>;
let after: Record<string, string>;
let oldSvid: TestSvid;
let newSvid: TestSvid;

beforeAll(async () => {
  const ca = await createTestCa({ trustDomain: 'a.test' });
  const { next, both } = await ca.rotate();
  oldSvid = await ca.issue();
  newSvid = await next.issue();
  before = mountFiles.spiffeHelper(oldSvid, ca);
  after = mountFiles.spiffeHelper(newSvid, both);
});

function read(directory: string, name: string): string {
  return readFileSync(join(directory, name), 'utf8');
}

test('certificate, key and bundle are emptied and filled one after the other, in the same inodes', async () => {
  const directory = join(temporaryDirectory(), 'made');
  const writer = inPlaceWriter(directory);
  await writer.write(before);
  const inodes = Object.keys(before).map((name) => statSync(join(directory, name)).ino);

  const rotation = writer.begin(after);
  expect(rotation.steps).toEqual([
    'truncate:svid.pem',
    'write:svid.pem',
    'truncate:svid_key.pem',
    'write:svid_key.pem',
    'truncate:svid_bundle.pem',
    'write:svid_bundle.pem',
  ]);
  await rotation.runTo('truncate:svid.pem');
  expect(read(directory, 'svid.pem')).toBe('');
  await rotation.runTo('write:svid.pem');
  expect(read(directory, 'svid.pem')).toBe(newSvid.certPem);
  expect(read(directory, 'svid_key.pem')).toBe(oldSvid.keyPem); // new certificate, old key
  await rotation.runTo('write:svid_key.pem');
  expect(read(directory, 'svid_key.pem')).toBe(newSvid.keyPem);
  expect(read(directory, 'svid_bundle.pem')).toBe(before['svid_bundle.pem']); // new pair, old bundle
  await rotation.finish();
  expect(read(directory, 'svid_bundle.pem')).toBe(after['svid_bundle.pem']);
  expect(Object.keys(before).map((name) => statSync(join(directory, name)).ino)).toEqual(inodes);
});

test('cut mid-block, a file ends inside its last PEM block', async () => {
  const directory = temporaryDirectory();
  const rotation = inPlaceWriter(directory, { cut: 'mid-block' }).begin(after);
  await rotation.runTo('write:svid_bundle.pem:1');
  const partial = read(directory, 'svid_bundle.pem');
  expect(partial.match(/-----BEGIN/g)).toHaveLength(2);
  expect(partial.match(/-----END/g)).toHaveLength(1);
  await rotation.runTo('write:svid_bundle.pem:2');
  expect(read(directory, 'svid_bundle.pem')).toBe(after['svid_bundle.pem']);
});

test('cut at a block boundary, a bundle looks like a smaller one', async () => {
  const directory = temporaryDirectory();
  const cut = { 'svid_bundle.pem': 'block-boundary' } satisfies Record<string, Cut>;
  const rotation = inPlaceWriter(directory, { cut }).begin(after);
  expect(rotation.steps.slice(-3)).toEqual([
    'truncate:svid_bundle.pem',
    'write:svid_bundle.pem:1',
    'write:svid_bundle.pem:2',
  ]);
  await rotation.runTo('write:svid_bundle.pem:1');
  expect(read(directory, 'svid_bundle.pem')).toBe(before['svid_bundle.pem']);
  await rotation.finish();
  expect(read(directory, 'svid_bundle.pem')).toBe(after['svid_bundle.pem']);
});

test.for([1, 2, 7])(
  'cut into %d pieces, a file grows piece by piece and is whole in the end',
  async (cut) => {
    const directory = temporaryDirectory();
    const content = after['svid.pem'] ?? '';
    const rotation = inPlaceWriter(directory, { cut }).begin({ 'tls.crt': content });
    expect(rotation.steps).toHaveLength(cut + 1);
    await rotation.next();
    await rotation.next();
    expect(statSync(join(directory, 'tls.crt')).size).toBe(Math.ceil(content.length / cut));
    await rotation.finish();
    expect(read(directory, 'tls.crt')).toBe(content);
  },
);

test('the mode is set when a file is made and never changed', async () => {
  const directory = temporaryDirectory();
  await inPlaceWriter(directory, { fileMode: 0o600 }).write(before);
  await inPlaceWriter(directory, { fileMode: 0o644 }).write(after);
  expect(statSync(join(directory, 'svid_key.pem')).mode & 0o777).toBe(0o600);
});

test.for([0, 1.5, -1, Number.NaN])('a cut into %d pieces is refused', (cut) => {
  expect(() => inPlaceWriter(temporaryDirectory(), { cut }).begin(before)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
  );
});
