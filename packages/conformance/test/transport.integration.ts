import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import {
  hostile,
  REFERENCE,
  runCases,
  runKit,
  temporaryDirectory,
  VICTIM,
  VICTIM_AND_OTHERS,
} from './run-kit.ts';

function transport(): readonly string[] {
  return ['--transport', `unix:${join(temporaryDirectory(), 'kit.sock')}`];
}

test('an adapter is reached by a socket, and what it prints is no message', async () => {
  const options = transport();
  const { exitCode, results } = await runCases(
    [...VICTIM_AND_OTHERS, ...options],
    hostile('prints-beside-a-socket'),
  );
  expect(results.summary).toEqual({ pass: 5 });
  expect(results.run.remarks ?? []).toEqual([]);
  expect(exitCode).toBe(0);
  expect(existsSync(options[1]?.slice('unix:'.length) ?? '')).toBe(false);
});

test.each([
  ['not-json', 'error', 'begins like a message and is not JSON'],
  ['bad-utf8', 'error', 'wrote a line that is not UTF-8'],
  ['long-line', 'error', 'wrote a line of more than 16777216 bytes'],
  ['wrong-id', 'error', 'which was never made'],
  ['answers-twice', 'error', /answered call \d+ twice/],
  ['faults', 'error', 'reported a fault'],
  ['claims-what-it-lacks', 'fail', 'answered that it is unsupported'],
  ['crashes', 'crash', 'ended with exit code 7 during the call; stderr: segmentation fault'],
  ['crashes-in-a-line', 'crash', 'ended with exit code 0, in the middle of a line during the call'],
  ['closes-its-connection', 'crash', 'closed its connection during the call'],
  ['hangs', 'timeout', 'no answer to id.parse within 2000 ms'],
] as const)('the same verdicts as over stdio: %s', async (mode, status, reason) => {
  const { exitCode, results } = await runCases(
    [...VICTIM_AND_OTHERS, ...transport(), '--timeout-factor', '0.2'],
    hostile(mode),
  );
  expect(exitCode).toBe(1);
  expect(results.summary).toEqual({ pass: 4, [status]: 1 });
  expect(results.results.find((result) => result.case === VICTIM)?.reason).toMatch(reason);
});

test('noise on the socket is noise', async () => {
  const { exitCode, stdout } = await runCases([...VICTIM_AND_OTHERS, ...transport()], hostile('prints-logs'));
  expect(exitCode).toBe(0);
  expect(stdout).toContain('what is no message');
});

test('there is one connection for one adapter', async () => {
  const { exitCode, results } = await runCases(
    [...VICTIM_AND_OTHERS, ...transport()],
    hostile('calls-twice'),
  );
  expect(results.summary).toEqual({ pass: 5 });
  expect(exitCode).toBe(0);
});

test('an adapter that never calls is exit code 3', async () => {
  const { exitCode, stderr } = await runKit([
    'run',
    ...VICTIM_AND_OTHERS,
    ...transport(),
    '--timeout-factor',
    '0.2',
    '--',
    ...hostile('stays-away'),
  ]);
  expect(exitCode).toBe(3);
  expect(stderr).toContain(
    'no answer to hello within 1000 ms; does it connect to SPIFFE_CONFORMANCE_SOCKET?',
  );
});

test('what an earlier run has left is replaced; anything else at that path is left alone', async () => {
  const path = join(temporaryDirectory(), 'kit.sock');
  // A process that was killed leaves its socket behind.
  const { spawnSync } = await import('node:child_process');
  spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  expect(existsSync(path)).toBe(true);
  const run = await runCases([...VICTIM_AND_OTHERS, '--transport', `unix:${path}`], hostile('good'));
  expect(run.exitCode).toBe(0);
  writeFileSync(path, 'precious');
  const refused = await runKit([
    'run',
    ...VICTIM_AND_OTHERS,
    '--transport',
    `unix:${path}`,
    '--',
    ...hostile('good'),
  ]);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('is there already, and is no socket');
  expect(readFileSync(path, 'utf8')).toBe('precious');
});

test('a socket that somebody listens on is not taken from them', async () => {
  const path = join(temporaryDirectory(), 'kit.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const { exitCode, stderr } = await runKit([
    'run',
    ...VICTIM_AND_OTHERS,
    '--transport',
    `unix:${path}`,
    '--',
    ...hostile('good'),
  ]);
  await new Promise((resolve) => server.close(resolve));
  expect(exitCode).toBe(2);
  expect(stderr).toContain('somebody listens on it');
});

test.each(['tcp:127.0.0.1:1', 'unix:', `unix:/${'a'.repeat(120)}`])(
  'a transport that there is not is exit code 2: %s',
  async (given) => {
    const { exitCode, stderr } = await runKit(['run', '--transport', given, '--', ...hostile('good')]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--transport');
  },
);

test('the doctor looks at an adapter behind a socket', async () => {
  const { exitCode, stdout } = await runKit(['doctor', ...transport(), '--', ...hostile('good')]);
  expect(stdout).toContain('The adapter speaks protocol 1.');
  expect(exitCode).toBe(0);
});

test('the reference is played with over a socket, with handles and restarts', async () => {
  const { exitCode, results } = await runCases(
    [
      '--case',
      'mtls-server/accept/valid-client*',
      '--case',
      'workload-api/env/explicit-wins',
      ...transport(),
    ],
    REFERENCE,
  );
  expect(results.results.filter(({ status }) => status !== 'pass')).toEqual([]);
  expect(exitCode).toBe(0);
});
