import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
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
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly files: string[];
  };
  const shipped = manifest.files.filter((file) => file !== 'dist' && !file.startsWith('!'));
  for (const file of [...shipped, 'package.json', 'LICENSE'])
    cpSync(join(root, file), join(directory, file), { recursive: true });
  const results = join(directory, 'results.json');
  const { code, stdout } = await execute([bin, 'run', ...STATIC, '--json', results, '--', ...REFERENCE]);
  expect(stdout).toMatch(/^svidkit \S+, kit 0\.1\.0, seed /m);
  expect(stdout).toMatch(/^\d{3,} cases executed: \d{3,} pass$/m);
  expect(code).toBe(0);
  // What is played needs certificates and writers, which are in the file too.
  const played = await execute([bin, 'run', '--case', 'rotation/swap/all-three*', '--', ...REFERENCE]);
  expect(played.stdout).toMatch(/^4 cases executed: 4 pass$/m);
  expect(played.code).toBe(0);
  const matrix = await execute([bin, 'matrix', results, '-o', join(directory, 'site')]);
  expect(matrix.stdout).toMatch(/^1 implementation, \d{3,} cases, 0 disagreements: /);
  expect(matrix.code).toBe(0);
  // Whatever else it reads is part of the package, too.
  for (const command of [
    ['coverage'],
    ['explain', 'spiffe-id/accept/td-only'],
    ['init', 'go', '-o', join(directory, 'adapter')],
    ['vectors', '-o', join(directory, 'v.tar')],
  ])
    expect(await execute([bin, ...command])).toMatchObject({ code: 0 });
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
