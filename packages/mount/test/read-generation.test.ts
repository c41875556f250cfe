import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { explicitPlan, type MountPlan } from '../src/detect.ts';
import { directFs, type MountFs } from '../src/mount-fs.ts';
import { mountSettings } from '../src/mount-options.ts';
import { observe } from '../src/observe.ts';
import { GenerationReader, type MountedFile } from '../src/read-generation.ts';

let directory: string;
let file: string;
let plan: MountPlan;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'svidkit-read-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  file = join(directory, 'both.pem');
  await writeFile(file, 'content');
  const found = explicitPlan(mountSettings({ files: { credentialBundle: file }, env: {} }));
  if (found === undefined) throw new Error('explicit files have a plan');
  plan = found;
});

async function read(
  fs: MountFs = directFs,
  before: () => Promise<unknown> = async () => undefined,
): Promise<MountedFile> {
  const observation = await observe(plan, directFs);
  await before();
  return new GenerationReader(observation, fs, 100).read(file, 'key and certificate chain');
}

describe('one file', () => {
  test('that stands still is read', async () => {
    const { bytes, isAtomic } = await read();
    expect(bytes.toString()).toBe('content');
    expect(isAtomic).toBe(false);
  });

  const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['is written', () => writeFile(file, 'c0ntent')],
    ['is replaced', async () => (await writeFile(`${file}.new`, 'content'), rename(`${file}.new`, file))],
    ['is removed', () => rm(file)],
  ];
  test.each(changes)('that %s after it was looked at is torn', async (_, change) => {
    await expect(read(directFs, change)).rejects.toMatchObject({ code: 'ERR_MOUNT_TORN', file });
  });

  test('that changes while it is read is torn', async () => {
    const changing: MountFs = {
      ...directFs,
      async read(path, maxBytes) {
        const opened = await directFs.read(path, maxBytes);
        await writeFile(path, 'longer content');
        const { after } = await directFs.read(path, maxBytes);
        return { ...opened, after };
      },
    };
    await expect(read(changing)).rejects.toMatchObject({ code: 'ERR_MOUNT_TORN', file });
  });

  test('of which fewer bytes come than it has is torn', async () => {
    const short: MountFs = {
      ...directFs,
      async read(path, maxBytes) {
        const opened = await directFs.read(path, maxBytes);
        return { ...opened, bytes: opened.bytes.subarray(1) };
      },
    };
    await expect(read(short)).rejects.toMatchObject({ code: 'ERR_MOUNT_TORN', file });
  });

  test('that another device fails to give is unreadable', async () => {
    const failing: MountFs = {
      ...directFs,
      read: () => {
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      },
    };
    await expect(read(failing)).rejects.toMatchObject({ code: 'ERR_MOUNT_UNREADABLE', file });
  });
});
