import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test, vi } from 'vitest';

import { hostile, REFERENCE, runCases, runKit, STATIC_REFERENCE, temporaryDirectory } from './run-kit.ts';

/** Of those who have to be refused there are sixty: a few of them. */
const BAD = [
  'federated-ca-vouches',
  'leaf-ca-true',
  'two-uri-sans',
  'leaf-expired',
  'path-length',
  'impostor-root',
];

/** It is done in a fraction of that on a machine with nothing else to do. */
const PATIENCE_MS = 240_000;

const cases = (patterns: readonly string[]): readonly string[] =>
  patterns.flatMap((pattern) => ['--case', pattern]);

describe('the cases of behaviour against the reference', () => {
  test.each([
    ['mounts', cases(['mount-layout/**', 'rotation/**'])],
    [
      'connections',
      cases([
        ...['accept', 'authorize', 'close', 'http1', 'http2', 'resume', 'rotate', 'sni'].map(
          (group) => `mtls-server/${group}/**`,
        ),
        ...['accept', 'pool', 'resume', 'retry', 'send', 'timeout'].map((group) => `mtls-client/${group}/**`),
        'migration/**',
      ]),
    ],
    ['the Workload API', cases(['workload-api/**'])],
    [
      'those who have to be refused',
      cases(
        BAD.flatMap((who) => [
          `mtls-server/reject/bad-client[who=${who}]`,
          `mtls-client/reject/bad-server[who=${who}]`,
        ]),
      ),
    ],
  ])('%s: nothing fails, and no file is left', { timeout: PATIENCE_MS }, async (_what, options) => {
    const directory = temporaryDirectory();
    vi.stubEnv('TMPDIR', directory);
    const { exitCode, results } = await runCases(['--quick', ...options], REFERENCE);
    expect(results.results.filter(({ status }) => status !== 'pass' && status !== 'unsupported')).toEqual([]);
    expect(results.summary['pass']).toBeGreaterThan(10);
    expect(exitCode).toBe(0);
    expect(readdirSync(directory).filter((name) => name.startsWith('spiffe-conformance-'))).toEqual([]);
  });

  test('say how long changes took', async () => {
    const { results } = await runCases(cases(['rotation/swap/leaf-and-key*']), REFERENCE);
    expect(results.results.map(({ status }) => status)).toEqual(['pass', 'pass', 'pass', 'pass']);
    for (const { convergenceMs = Infinity } of results.results) expect(convergenceMs).toBeLessThan(10_000);
  });

  test.each(['static', 'workloadApi'])(
    'run with a source of the kind %s, and need mounts where they are about mounts',
    async (kind) => {
      const { exitCode, results } = await runCases(
        cases([
          'mtls-server/rotate/new*',
          'mtls-server/accept/federated*',
          'mtls-client/send/presents*',
          'rotation/swap/leaf-and-key*',
        ]),
        [...REFERENCE, '--sources', kind],
      );
      expect(exitCode).toBe(0);
      expect(results.summary).toEqual({ pass: 4, unsupported: 4 });
      const [about] = results.results.filter(({ status }) => status === 'unsupported');
      expect(about?.reason).toBe('the adapter does not declare sources:mount');
    },
  );

  test('are no pass of an adapter that has nothing of it', async () => {
    const { exitCode, results, stderr } = await runCases(
      ['--profile', 'mount', '--profile', 'mtls-server'],
      STATIC_REFERENCE,
    );
    expect(Object.keys(results.summary)).toEqual(['unsupported']);
    expect(stderr).toContain('not a single case was executed');
    expect(exitCode).toBe(4);
    const foreign = await runCases(['--suite', 'migration'], hostile('good'));
    expect(foreign.exitCode).toBe(4);
  });
});

describe('a case of behaviour that fails', () => {
  const CASE = 'mtls-server/reject/unauthorized';
  const BROKEN = [...REFERENCE, '--mutant', 'server-ignores-rule'];

  test('says what was seen, and leaves the steps, the files and what was said', async () => {
    const folder = temporaryDirectory();
    const { exitCode, results } = await runCases(['--case', CASE, '--evidence', folder], BROKEN);
    expect(exitCode).toBe(1);
    expect(results.results).toMatchObject([
      {
        status: 'fail',
        reason: expect.stringMatching(/^the client \/other was let in, and told /) as string,
      },
    ]);
    const steps = readFileSync(join(folder, CASE, 'steps.txt'), 'utf8');
    expect(steps).toContain('server.start');
    expect(steps).toContain('dialled');
    expect(steps).not.toContain('PRIVATE KEY');
    expect(readFileSync(join(folder, CASE, 'files.txt'), 'utf8')).toMatch(
      /^\d+ \d+ \d+ mount-1\/\.\.data -> /m,
    );
    expect(readFileSync(join(folder, CASE, 'transcript.ndjson'), 'utf8')).toContain('source.open');
  });

  test('fails flake each time', async () => {
    const { exitCode, stdout } = await runKit([
      'flake',
      '--case',
      CASE,
      '--executions',
      '3',
      '--',
      ...BROKEN,
    ]);
    expect(stdout).toMatch(/^3 executions of 1 case, each at least 3 times: 3 failed; /m);
    expect(exitCode).toBe(1);
  });
});

test('flake plays each case at least three times, in rounds of their own order, and tells the seed', async () => {
  const options = ['--case', 'mtls-server/sni/**', '--executions', '5', '--seed', 'x'];
  const { exitCode, stdout } = await runKit(['flake', ...options, '--', ...REFERENCE]);
  expect(stdout).toMatch(/^seed x$/m);
  expect(stdout).toMatch(/^9 executions of 3 cases, each at least 3 times: 0 failed; /m);
  expect(exitCode).toBe(0);
});
