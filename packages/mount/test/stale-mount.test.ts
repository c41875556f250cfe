import { mkdtempSync, openSync, closeSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { explicitPlan } from '../src/detect.ts';
import { directFs } from '../src/mount-fs.ts';
import { mountSettings } from '../src/mount-options.ts';
import { parseMountTable } from '../src/mount-table.ts';
import { observe } from '../src/observe.ts';
import { staleMount } from '../src/stale-mount.ts';

async function diagnose(directory: string, table = ''): Promise<Error | undefined> {
  const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
  const plan = explicitPlan(mountSettings({ files, env: {} }));
  if (plan === undefined) throw new Error('explicit files have a plan');
  const named = { ...plan, directory };
  return staleMount(named, await observe(named, directFs), directFs, parseMountTable(table));
}

test('a directory that is only kept in sight, with no name of its own left, was removed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-removed-'));
  const descriptor = openSync(directory, 'r');
  onTestFinished(() => closeSync(descriptor));
  const kept = `/proc/self/fd/${descriptor}/.`;
  expect(await diagnose(kept)).toBeUndefined();
  rmdirSync(directory);
  expect(await diagnose(kept)).toMatchObject({
    code: 'ERR_MOUNT_STALE',
    hint: expect.stringContaining('pod') as string,
  });
});

test('a mount whose source was removed is told by the table of mounts', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-removed-'));
  onTestFinished(() => rmdirSync(directory));
  const line = (root: string): string => `1 2 0:1 ${root} ${directory} ro - tmpfs tmpfs rw\n`;
  expect(await diagnose(directory, line('/volume'))).toBeUndefined();
  expect(await diagnose(directory, line('/volume//deleted'))).toMatchObject({
    code: 'ERR_MOUNT_STALE',
    file: directory,
  });
});
