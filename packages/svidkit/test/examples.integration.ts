import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const examples = resolve(import.meta.dirname, '../../../examples');

test('the example https runs: orders arrive before and after a renewal, a forged one does not', async () => {
  // A failure rejects with what it printed.
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@svidkit/source', resolve(examples, 'https/run.mjs')],
    { timeout: 55_000 },
  );
  expect(stderr).toBe('');
  expect(stdout).toContain('web: second order: 200 order of spiffe://prod.example/web taken');
  expect(stdout).toMatch(/^stranger: forged order: no order, /m);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('It worked.');
});

test('the example migration runs: to SPIFFE and back by the policy file, and every decision is told', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@svidkit/source', resolve(examples, 'migration/run.mjs')],
    { timeout: 55_000 },
  );
  expect(stderr).toBe('');
  expect(stdout).toContain('server: permissive, showing legacy: legacy client old.corp.example accepted');
  expect(stdout).toContain('server: strict, showing spiffe: legacy client ? rejected');
  expect(stdout).toContain('server: ERR_POLICY_INVALID: the last good policy stays');
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('It worked.');
});
