import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { MUTANTS } from '../../../interop/typescript/src/mutants/break-with.ts';
import { behaviourSuites } from '../src/behaviour/behaviour-suites.ts';
import { SURVIVORS } from './behaviour-survivors.ts';
import { REFERENCE, runCases } from './run-kit.ts';

// Written anew by `npx pnpm@12.21.0 run kit:mutants`, which plays every mutant.
const matrix = JSON.parse(
  readFileSync(join(import.meta.dirname, 'behaviour-kill-matrix.json'), 'utf8'),
) as Readonly<Record<string, readonly string[]>>;
const ids = behaviourSuites().flatMap(({ cases }) => cases.map(({ id }) => id));

describe('the mutants of behaviour', () => {
  test('are noticed, each by one case at least', () => {
    const noticed = new Set(Object.values(matrix).flat());
    expect(MUTANTS.filter(({ name }) => !noticed.has(name)).map(({ name }) => name)).toEqual([]);
    expect([...noticed].filter((name) => !MUTANTS.some((mutant) => mutant.name === name))).toEqual([]);
  });

  test('are noticed by every case, but for those that are listed with a reason', () => {
    const blind = ids.filter((id) => (matrix[id] ?? []).length === 0);
    expect(blind.toSorted()).toEqual(Object.keys(SURVIVORS).toSorted());
    expect(Object.values(SURVIVORS).filter((reason) => reason.length < 25)).toEqual([]);
    expect(blind.length).toBeLessThan(ids.length * 0.05);
    expect(Object.keys(matrix).filter((id) => !ids.includes(id))).toEqual([]);
  });

  test.each([
    ['mount-drops-last-known-good', 'rotation/parked/ca-empty'],
    ['mount-caches-bundle', 'rotation/bundle/federated-never-merged'],
    ['mount-merges-bundles', 'mtls-server/reject/bad-client[who=federated-ca-vouches]'],
    ['mount-leaks-descriptors', 'rotation/close/stops'],
    ['server-trusts-openssl', 'mtls-server/reject/bad-client[who=leaf-ca-true]'],
    ['server-resumes-unverified', 'mtls-server/resume/ticket-after-root-removed[mode=default,tls=1.3]'],
    ['pool-is-an-ordinary-agent', 'mtls-client/pool/rotation-new-connections'],
    ['migration-ignores-switches', 'migration/server/switch-without-restart'],
  ])('%s: %s fails, and its twin does not', { timeout: 120_000 }, async (mutant, id) => {
    const { exitCode, results } = await runCases(
      ['--case', id, '--timeout-factor', '0.4'],
      [...REFERENCE, '--mutant', mutant],
    );
    expect(results.results).toMatchObject([{ case: id, status: 'fail' }]);
    expect(exitCode).toBe(1);
  });
});
