import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { runSvidkit } from './run-svidkit.ts';

test('the command tells its version and ends with 0', async () => {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { readonly version: string };
  expect(await runSvidkit(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

test('the command ends with 2 when its usage is wrong, and says why on stderr alone', async () => {
  const { exitCode, stdout, stderr } = await runSvidkit(['inspct']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain('there is no command "inspct"');
});
