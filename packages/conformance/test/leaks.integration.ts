import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { textMember } from '../src/json.ts';
import { loadSuites } from '../src/vectors/load-suites.ts';
import { runCases, temporaryDirectory } from './run-kit.ts';

const VICTIM = 'x509-svid/redact/no-key-in-errors[defect=mismatch]';
const leaky = (mode: string): readonly string[] => [
  process.execPath,
  join(import.meta.dirname, 'leaky-adapter.ts'),
  mode,
];
const params = loadSuites()
  .flatMap(({ cases }) => cases)
  .find(({ id }) => id === VICTIM)?.params;
const key = textMember(params ?? {}, 'key');

test('an adapter that keeps the key to itself passes', async () => {
  const { exitCode, results } = await runCases(['--case', VICTIM], leaky('none'));
  expect(results.summary).toEqual({ pass: 1 });
  expect(exitCode).toBe(0);
});

test.each([
  [
    'message',
    'fail',
    'the adapter showed a part of a private key that it was given, as base64, in its answer to svid.parsePem',
  ],
  ['code', 'fail', 'in its answer to svid.parsePem'],
  ['trace', 'fail', 'in its answer to svid.parsePem'],
  ['unknown-member', 'fail', 'in its answer to svid.parsePem'],
  ['stderr', 'error', 'the adapter printed a part of a private key that it was given, as base64'],
  ['stderr-in-two', 'error', 'the adapter printed a part of a private key that it was given, as base64'],
  [
    'stdout',
    'error',
    'the adapter showed a part of a private key that it was given, as base64, outside of an answer',
  ],
  ['crash', 'crash', 'stderr: (left out: a part of a private key)'],
] as const)('a key that is shown (%s) fails the case, and is in no report', async (mode, status, reason) => {
  const folder = temporaryDirectory();
  const files = ['--junit', join(folder, 'junit.xml'), '--markdown', join(folder, 'report.md')];
  const stream = ['--stream', join(folder, 'stream.ndjson')];
  const { exitCode, results, text, stdout, stderr } = await runCases(
    ['--case', VICTIM, ...files, ...stream],
    leaky(mode),
  );
  expect(exitCode).toBe(1);
  expect(results.results.map((one) => one.status)).toEqual([status]);
  expect(results.results[0]?.reason).toContain(reason);
  const lines = key.split('\n').filter((line) => line.length > 20 && !line.startsWith('-'));
  const reports = ['junit.xml', 'report.md', 'stream.ndjson'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  );
  for (const line of lines) {
    for (const report of [text, stdout, stderr, ...reports]) expect(report).not.toContain(line.slice(0, 30));
  }
});

test('it is a rule for every case: the usual mismatch fails for the same reason', async () => {
  const { results } = await runCases(['--case', 'x509-svid/reject/key-mismatch*[key=ec]'], leaky('message'));
  expect(results.summary).toEqual({ fail: 1 });
});
