import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { hostile, REFERENCE, type Results, temporaryDirectory } from './run-kit.ts';

const BIN = join(import.meta.dirname, '../src/bin.ts');
const PLAYED = 'workload-api/x509/first-message';

/** The command as a process, in an environment of its own. */
function kit(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  nodeOptions: readonly string[] = [],
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const;
  return spawnSync(process.execPath, ['--conditions=@svidkit/source', ...nodeOptions, BIN, ...argv], options);
}

test('a case in which the kit fails is exit code 4, blames no adapter, and makes no badge', () => {
  // The Workload API of the kit makes way for its socket, and cannot.
  const broken =
    'data:text/javascript,import m from "node:module"; import fs from "node:fs/promises";' +
    'fs.rm = async () => { throw new Error("no such luck") }; m.syncBuiltinESMExports();';
  const json = join(temporaryDirectory(), 'results.json');
  const argv = ['run', '--case', PLAYED, '--case', 'endpoint/**', '--no-fail', '--json', json];
  const { status, stderr } = kit([...argv, '--', ...REFERENCE], {}, ['--import', broken]);
  expect(stderr).toContain('the kit itself failed in 1 case, which says nothing about the adapter');
  expect(status).toBe(4);
  const { results, summary } = JSON.parse(readFileSync(json, 'utf8')) as Results;
  expect(summary).toEqual({ pass: 10, error: 1 });
  expect(results.find(({ case: id }) => id === PLAYED)?.reason).toMatch(/^the kit: .*no such luck/);
});

test('the same case passes where the kit can work', () => {
  const { status } = kit(['run', '--case', PLAYED, '--', ...REFERENCE]);
  expect(status).toBe(0);
});

test('without a temporary directory nothing is played, which is exit code 4', () => {
  const { status, stderr } = kit(['run', '--case', PLAYED, '--', ...REFERENCE], { TMPDIR: '/nonexistent' });
  expect(stderr).toContain('no directory for a case: ENOENT');
  expect(status).toBe(4);
});

test.each([
  ['while it waits', 'Promise.withResolvers'],
  ['while it reads what came', 'Buffer.prototype.indexOf'],
])('a bug of the runner %s is exit code 4, with the place where it is', (_when, broken) => {
  const bug = `data:text/javascript,${broken} = () => { throw new Error("a bug") }`;
  const { status, stderr } = kit(['run', '--suite', 'endpoint', '--', ...hostile('good')], {}, [
    '--import',
    bug,
  ]);
  expect(stderr).toContain('Error: a bug');
  expect(stderr).toMatch(/ at .*\.ts:\d+/);
  expect(status).toBe(4);
});

test('results that cannot be written are exit code 4', () => {
  const argv = ['run', '--case', 'spiffe-id/accept/td-only', '--json', '/dev/null/results.json'];
  const { status, stderr } = kit([...argv, '--', ...hostile('good')]);
  expect(stderr).toContain('/dev/null/results.json cannot be written');
  expect(status).toBe(4);
});
