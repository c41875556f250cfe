import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { hostile, runCases, temporaryDirectory, VICTIM } from './run-kit.ts';

const CASES = ['--case', 'spiffe-id/accept/segment-dots*', '--seed', '1'];

function known(entry: object): readonly string[] {
  const file = join(temporaryDirectory(), 'known.json');
  const full = { case: VICTIM, status: 'fails', reason: 'it is known to be wrong here', ...entry };
  writeFileSync(file, JSON.stringify({ format: 1, kit: '0.1.0', known: [full] }));
  return [...CASES, '--known', file];
}

test('what is listed and fails as listed does not fail the run', async () => {
  const { exitCode, results } = await runCases(known({ observed: 'crash' }), hostile('crashes'));
  expect(exitCode).toBe(0);
  expect(results.summary).toEqual({ pass: 3, 'known-fail': 1 });
});

test('what is listed and fails otherwise is a new failure', async () => {
  const { exitCode, results } = await runCases(known({ observed: 'reject:id.path.dot' }), hostile('crashes'));
  expect(exitCode).toBe(1);
  expect(results.results.find((result) => result.case === VICTIM)).toMatchObject({
    status: 'crash',
    reason: expect.stringContaining('listed as reject:id.path.dot, and it is crash') as string,
  });
});

test('what is listed and passes fails the run', async () => {
  const { exitCode, results } = await runCases(known({}), hostile('good'));
  expect(exitCode).toBe(1);
  expect(results.summary).toEqual({ pass: 3, 'unexpected-pass': 1 });
});

test('what is flaky is tried again, may pass or fail, and is always shown', async () => {
  const failing = await runCases(known({ status: 'flaky' }), hostile('crashes'));
  expect(failing.exitCode).toBe(0);
  expect(failing.results.results.find((result) => result.case === VICTIM)).toMatchObject({
    status: 'known-flaky',
    attempts: 3,
  });
  const passing = await runCases(known({ status: 'flaky' }), hostile('good'));
  expect(passing.exitCode).toBe(0);
  expect(passing.results.summary).toEqual({ pass: 3, 'known-flaky': 1 });
});
