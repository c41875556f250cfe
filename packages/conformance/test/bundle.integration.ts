import { execFile } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { build } from 'esbuild';
import { expect, test } from 'vitest';

import { REFERENCE, STATIC, temporaryDirectory } from './run-kit.ts';

const root = join(import.meta.dirname, '..');

test('the published program is one file beside its vectors, and needs nothing else', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'dist'));
  const bin = join(directory, 'dist/bin.js');
  await build({
    entryPoints: [join(root, 'src/bin.ts')],
    outfile: bin,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    conditions: ['@svidkit/source'],
  });
  for (const folder of ['vectors', 'requirements', 'assets'])
    cpSync(join(root, folder), join(directory, folder), { recursive: true });
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
  const results = join(directory, 'results.json');
  const { code, stdout } = await execute([bin, 'run', ...STATIC, '--json', results, '--', ...REFERENCE]);
  expect(stdout).toMatch(/^svidkit \S+, kit 0\.1\.0, seed /m);
  expect(stdout).toMatch(/^\d{3,} cases executed: \d{3,} pass, \d+ unsupported$/m);
  expect(code).toBe(0);
  // What is played needs certificates and writers, which are in the file too.
  const played = await execute([bin, 'run', '--case', 'rotation/swap/all-three*', '--', ...REFERENCE]);
  expect(played.stdout).toMatch(/^4 cases executed: 4 pass$/m);
  expect(played.code).toBe(0);
  const matrix = await execute([bin, 'matrix', results, '-o', join(directory, 'site')]);
  expect(matrix.stdout).toMatch(/^1 implementation, \d{3,} cases, 0 disagreements: /);
  expect(matrix.code).toBe(0);
});

function execute(
  args: readonly string[],
): Promise<{ code: number | string | null | undefined; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], { timeout: 50_000 }, (error, stdout) => {
      resolve({ code: error === null ? 0 : error.code, stdout });
    });
  });
}
