import { join } from 'node:path';

import { expect, test } from 'vitest';

import { programsOn, runProgram } from '../../../tests/programs.ts';

const packageDirectory = join(import.meta.dirname, '..');
const programs = programsOn(join(packageDirectory, 'README.md'));

test('the snippet of the README runs, prints what it says, and ends', async () => {
  expect(programs).toHaveLength(1);
  const { stdout, stderr } = await runProgram(programs[0] ?? '', packageDirectory);
  expect(stdout).toBe('hello spiffe://prod.example/web, how are you?\n');
  expect(stderr).toBe('');
});
