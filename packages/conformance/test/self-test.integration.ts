import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { hostile, REFERENCE, runKit, temporaryDirectory } from './run-kit.ts';

test('every case notices a mutant of the reference, every mutant is noticed, and the matrix is the committed one', async () => {
  const file = join(temporaryDirectory(), 'matrix.json');
  const { exitCode, stdout } = await runKit(['self-test', '--json', file, '--', ...REFERENCE]);
  expect(stdout).toMatch(/^\d+ cases, \d+ mutants: all noticed\n$/);
  expect(exitCode).toBe(0);
  // Written anew by `npm run conformance -- self-test --json packages/conformance/test/kill-matrix.json`.
  const committed = readFileSync(join(import.meta.dirname, 'kill-matrix.json'), 'utf8');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(committed));
});

test('what an adapter does not have is not asked of the mutants', async () => {
  const { exitCode, stdout } = await runKit(['self-test', '--', ...hostile('good')]);
  expect(stdout).toMatch(
    /^\d+ cases, \d+ mutants \(\d+ lie about what the adapter does not have\): all noticed\n$/,
  );
  expect(exitCode).toBe(0);
});

test('mutants of an adapter that refuses everything are not all noticed, and that is told', async () => {
  const { exitCode, stdout } = await runKit(['self-test', '--', ...hostile('rejects-all')]);
  expect(stdout).toContain('no case notices the mutant svid-ec-only');
  expect(exitCode).toBe(1);
});
