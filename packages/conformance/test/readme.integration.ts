import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { allSuites } from '../src/all-suites.ts';
import { STATUSES } from '../src/run/result.ts';
import { runCases, runKit } from './run-kit.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
const [snippet = ''] = Array.from(readme.matchAll(/^```js\n(.*?)^```$/gms), (match) => match[1] ?? '');

/** The snippet, where the library that it imports is found. */
const core = import.meta.resolve('../../core/src/index.ts');
const adapter = [
  process.execPath,
  '--conditions=@svidkit/source',
  '--input-type=module',
  `--eval=${snippet.replace("'@svidkit/core'", `'${core}'`)}`,
];

describe('the README', () => {
  test('has an adapter that passes, and that the doctor has nothing against', async () => {
    const { exitCode, results } = await runCases(['--suite', 'spiffe-id'], adapter);
    expect(results.results.filter(({ status }) => status !== 'pass' && status !== 'unsupported')).toEqual([]);
    expect(results.summary['pass']).toBeGreaterThan(600);
    expect(exitCode).toBe(0);
    const doctor = await runKit(['doctor', '--', ...adapter]);
    expect(doctor.stdout).not.toContain('FAIL');
    expect(doctor.exitCode).toBe(0);
  });

  test('names every suite, every operation and every status', () => {
    const files = allSuites();
    const names = [
      ...files.map(({ suite }) => suite),
      ...new Set(
        files.flatMap(({ cases }) => cases.flatMap(({ op, behaviour }) => [op, ...(behaviour?.ops ?? [])])),
      ),
      ...STATUSES,
    ];
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });
});
