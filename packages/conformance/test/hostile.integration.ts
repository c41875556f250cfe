import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { runCli } from '../src/cli/run-cli.ts';
import {
  hostile,
  type Results,
  runCases,
  runKit,
  temporaryDirectory,
  VICTIM,
  VICTIM_AND_OTHERS,
} from './run-kit.ts';

test('an adapter that does nothing wrong passes', async () => {
  const { exitCode, results } = await runCases(VICTIM_AND_OTHERS, hostile('good'));
  expect(exitCode).toBe(0);
  expect(results.summary).toEqual({ pass: 5 });
});

test.each([
  ['not-json', 'error', 'the adapter wrote a line that begins like a message and is not JSON: "{\\"id\\":"'],
  ['bad-utf8', 'error', 'the adapter wrote a line that is not UTF-8'],
  ['long-line', 'error', 'the adapter wrote a line of more than 16777216 bytes'],
  ['id-is-text', 'error', 'the adapter wrote an answer whose id is no integer'],
  ['two-verdicts', 'error', 'with ok and reject at once'],
  ['no-verdict', 'error', 'with none of ok, reject, unsupported and fault'],
  ['verdict-is-text', 'error', 'with "ok" that is no object'],
  ['reject-without-code', 'error', 'with "reject" whose code is no string'],
  ['wrong-id', 'error', /the adapter answered call 10\d\d, which was never made/],
  ['unknown-event', 'error', 'the adapter wrote an event that protocol 1 does not have'],
  [
    'event-without-handle',
    'error',
    'the adapter wrote the event source.update for the handle s1, which is not open',
  ],
  ['neither-id-nor-event', 'error', 'the adapter wrote a message with neither an id nor an event'],
  ['answers-twice', 'error', /the adapter answered call \d+ twice/],
  ['faults', 'error', 'the adapter reported a fault: NullPointerException'],
  [
    'crashes',
    'crash',
    'ended with exit code 7 during the call; stderr: segmentation fault in libspiffe\\u{1b}[31m',
  ],
  ['crashes-in-a-line', 'crash', 'ended with exit code 0, in the middle of a line during the call'],
  ['crashes-with-child', 'crash', 'ended with exit code 7 during the call'],
  ['claims-what-it-lacks', 'fail', 'the adapter declares id.parse and answered that it is unsupported'],
  ['answers-wrongly', 'fail', 'want "spiffe://example.org/.a", got "spiffe://example.org/b"'],
] as const)('an adapter that is wrong (%s) is told so, and the run goes on', async (mode, status, reason) => {
  const { exitCode, results } = await runCases(VICTIM_AND_OTHERS, hostile(mode));
  expect(exitCode).toBe(1);
  expect(results.summary).toEqual({ pass: 4, [status]: 1 });
  const victim = results.results.find((result) => result.case === VICTIM);
  expect(victim?.status).toBe(status);
  expect(victim?.reason).toMatch(typeof reason === 'string' ? literally(reason) : reason);
});

test('an adapter that hangs is ended, and the run goes on', async () => {
  const { exitCode, results } = await runCases(
    [...VICTIM_AND_OTHERS, '--timeout-factor', '0.2'],
    hostile('hangs'),
  );
  expect(exitCode).toBe(1);
  expect(results.summary).toEqual({ pass: 4, timeout: 1 });
  expect(results.results.find(({ status }) => status === 'timeout')?.reason).toBe(
    'the adapter: no answer to id.parse within 2000 ms',
  );
});

test.each(['longest-line', 'ends-lines-with-cr'])(
  'what is allowed to the letter passes: %s',
  async (mode) => {
    const { exitCode, results } = await runCases(VICTIM_AND_OTHERS, hostile(mode));
    expect(exitCode).toBe(0);
    expect(results.summary).toEqual({ pass: 5 });
  },
);

test('an answer behind what a library printed into the same line is no answer, and the print is told', async () => {
  const { exitCode, results, stdout } = await runCases(
    [...VICTIM_AND_OTHERS, '--timeout-factor', '0.3'],
    hostile('prints-before-the-answer'),
  );
  expect(exitCode).toBe(1);
  expect(results.summary).toEqual({ pass: 4, timeout: 1 });
  expect(stdout).toContain('First: loading... {"id":');
});

test('an answer to a call that was answered before takes back that one, and is none to the open one', async () => {
  const { exitCode, results } = await runCases(
    [...VICTIM_AND_OTHERS, '--timeout-factor', '0.3'],
    hostile('answers-an-earlier-call'),
  );
  expect(exitCode).toBe(1);
  expect(results.results.find((result) => result.case === VICTIM)?.status).toBe('timeout');
  const others = results.results.filter(({ status }) => status !== 'pass' && status !== 'timeout');
  // The first call of all is hello, which is nobody's case.
  expect(others.length + (results.run.remarks ?? []).length).toBe(1);
  expect(JSON.stringify([others, results.run.remarks])).toMatch(/answered call \d+ twice/);
});

test('an adapter that cannot be started anew after it died ends the run with exit code 3', async () => {
  const mark = join(temporaryDirectory(), 'died');
  const adapter = [...hostile('never-starts-again'), mark];
  const { exitCode, stderr } = await runKit(['run', ...VICTIM_AND_OTHERS, '--', ...adapter]);
  expect(exitCode).toBe(3);
  expect(stderr).toContain('the adapter could not be started: it ended with exit code 9');
});

test('what an adapter prints is passed over, told once, and cannot move the cursor', async () => {
  const { exitCode, results, stdout } = await runCases(VICTIM_AND_OTHERS, hostile('prints-logs'));
  expect(exitCode).toBe(0);
  expect(results.summary).toEqual({ pass: 5 });
  expect(stdout).toContain('prints to stdout what is no message; send logs to stderr');
  expect(stdout).not.toContain('\u001b');
});

test.each([
  ['exits-at-start', 'the adapter could not be started: it ended with exit code 9'],
  ['speaks-2', 'it speaks protocol 2, and this kit is the older one'],
  ['refuses-hello', 'no protocol in common with this kit, which speaks 1: I speak protocol 9 alone'],
  ['hello-without-ops', 'its hello has capabilities without a list of ops'],
])('an adapter that cannot be started (%s) is exit code 3', async (mode, message) => {
  const { exitCode, stderr } = await runCases(VICTIM_AND_OTHERS, hostile(mode));
  expect(exitCode).toBe(3);
  expect(stderr).toContain(message);
});

test('an adapter that never says hello, and one that does not exist, are exit code 3', async () => {
  const silent = await runCases(
    [...VICTIM_AND_OTHERS, '--timeout-factor', '0.2'],
    hostile('silent-at-start'),
  );
  expect(silent.exitCode).toBe(3);
  expect(silent.stderr).toContain(
    'no answer to hello within 1000 ms; does it flush its output after each line?',
  );
  const marked = await runCases(
    [...VICTIM_AND_OTHERS, '--timeout-factor', '0.3'],
    hostile('begins-with-bom'),
  );
  expect(marked.exitCode).toBe(3);
  expect(marked.stderr).toContain('no answer to hello within 1500 ms');
  const missing = await runCases(VICTIM_AND_OTHERS, ['/nonexistent/adapter']);
  expect(missing.exitCode).toBe(3);
  expect(missing.stderr).toContain('ENOENT');
});

test.each([
  ['ends-with-1', 'at its end the adapter ended with exit code 1'],
  ['ignores-end', 'at its end the adapter did not end when its input did'],
  ['ignores-sigterm', 'at its end the adapter did not end when its input did, and did not end on SIGTERM'],
])('an adapter that does not end well (%s) is told so', async (mode, remark) => {
  const { exitCode, results } = await runCases(
    [...VICTIM_AND_OTHERS, '--timeout-factor', '0.2'],
    hostile(mode),
  );
  expect(exitCode).toBe(0);
  expect(results.run.remarks).toEqual([remark]);
});

test('an adapter that can do nothing executes nothing, which is exit code 4', async () => {
  const { exitCode, stderr, results } = await runCases(VICTIM_AND_OTHERS, hostile('can-nothing'));
  expect(exitCode).toBe(4);
  expect(stderr).toContain('not a single case was executed');
  expect(results.summary).toEqual({ unsupported: 5 });
});

test('who rejects all scores nothing: what is to be rejected is not counted without its twin', async () => {
  const { exitCode, results } = await runCases(['--suite', 'spiffe-id'], hostile('rejects-all'));
  expect(exitCode).toBe(1);
  expect(results.summary['pass']).toBeUndefined();
  expect(results.summary['skipped']).toBeGreaterThan(300);
});

test('who accepts all scores nothing', async () => {
  const { exitCode, results } = await runCases(['--suite', 'spiffe-id'], hostile('accepts-all'));
  expect(exitCode).toBe(1);
  expect(results.summary['pass']).toBeUndefined();
});

test('a control outside of the selection fails the run when it fails', async () => {
  const { exitCode, results } = await runCases(['--case', 'spiffe-id/reject/empty'], hostile('rejects-all'));
  expect(exitCode).toBe(1);
  expect(results.results).toEqual([
    expect.objectContaining({
      status: 'skipped',
      reason: 'control failed: spiffe-id/accept/td-and-path (fail)',
    }),
  ]);
});

test('each case can have a process of its own', async () => {
  const { exitCode, results } = await runCases(
    [...VICTIM_AND_OTHERS, '--isolation', 'case'],
    hostile('good'),
  );
  expect(exitCode).toBe(0);
  expect(results.summary).toEqual({ pass: 5 });
});

test('a run that is interrupted writes what it has, says that it is partial, and ends with 130', async () => {
  const interrupt = new AbortController();
  const file = join(temporaryDirectory(), 'results.json');
  const io = { stderr: { write: () => true }, interrupted: interrupt.signal };
  const exitCode = await runCli(
    ['run', '--suite', 'trust-domain', '--suite', 'spiffe-id', '--json', file, '--', ...hostile('good')],
    {
      ...io,
      // The first suite is done, the second is on its way.
      stdout: { write: (text) => text.startsWith('spiffe-id: ') && interrupt.abort() },
    },
  );
  expect(exitCode).toBe(130);
  const { run, results } = JSON.parse(readFileSync(file, 'utf8')) as Results;
  expect(run.partial).toBe(true);
  expect(results.length).toBeGreaterThan(600);
});

test('a run that is interrupted before the adapter answered ends with 130, and starts no other', async () => {
  const interrupt = new AbortController();
  const running = runKit(['run', '--', ...hostile('silent-at-start')], interrupt.signal);
  setImmediate(() => interrupt.abort());
  expect((await running).exitCode).toBe(130);
});

/** Node 22 has no `RegExp.escape`. */
function literally(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
}
