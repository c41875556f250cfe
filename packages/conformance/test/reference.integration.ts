import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { AdapterHost } from '../src/protocol/adapter-host.ts';
import { type AdapterCommand } from '../src/protocol/adapter-process.ts';
import { CaseRunner } from '../src/run/run-cases.ts';
import { loadSuites } from '../src/vectors/load-suites.ts';
import { REFERENCE, runCases, runKit, STATIC, temporaryDirectory } from './run-kit.ts';
import { schemaValidator } from './schema-validator.ts';

describe('the kit against the reference adapter', () => {
  test('passes every case that it declares, for the very reasons that the cases name', async () => {
    const { exitCode, results, stdout } = await runCases(
      [...STATIC, '--codes', 'strict', '--against', 'reference'],
      REFERENCE,
    );
    expect(results.results.filter(({ status }) => status !== 'pass' && status !== 'unsupported')).toEqual([]);
    expect(exitCode).toBe(0);
    expect(results.summary['pass']).toBeGreaterThan(850);
    expect(results.run.remarks).toBeUndefined();
    expect(stdout).toContain('cases executed');
    const ops = new Set(
      loadSuites()
        .flatMap(({ cases }) =>
          cases.filter(({ id }) =>
            results.results.some((one) => one.case === id && one.status === 'unsupported'),
          ),
        )
        .map(({ op }) => op),
    );
    expect([...ops]).toEqual([]);
  });

  test.each(['2026-01-01', '2049-12-31', '2050-01-01', '2099-12-30'])(
    'comes to the same verdicts on %s, since they hold for every clock',
    async (day) => {
      const { results } = await runCases(
        [...STATIC, '--at', `${day}T00:00:00Z`, '--codes', 'strict'],
        REFERENCE,
      );
      expect(results.results.filter(({ status }) => status !== 'pass' && status !== 'unsupported')).toEqual(
        [],
      );
      expect(results.summary['pass']).toBeGreaterThan(600);
    },
  );

  test('the doctor finds nothing', async () => {
    const { exitCode, stdout } = await runKit(['doctor', '--', ...REFERENCE]);
    expect(stdout).not.toMatch(/FAIL|skip/);
    expect(exitCode).toBe(0);
  });

  test('every message that goes either way is one of the published schema', async () => {
    const validate = { to: schemaValidator('protocol', 'call'), from: schemaValidator('protocol', 'answer') };
    const wrong: string[] = [];
    let count = 0;
    const host = new AdapterHost(REFERENCE as AdapterCommand, {
      timeoutFactor: 3,
      listener: {
        noise: (text) => void wrong.push(text),
        misconduct: (detail) => void wrong.push(detail),
        line: (direction, line) => {
          count++;
          if (!validate[direction](JSON.parse(line))) wrong.push(`${direction} ${line}`);
        },
      },
    });
    const files = loadSuites();
    const cases = new Map(files.flatMap((file) => file.cases.map((one) => [one.id, one] as const)));
    const runner = new CaseRunner(host, cases, {
      codes: 'warn',
      against: 'spec',
      known: () => undefined,
      repeat: 1,
      isolation: 'run',
      at: undefined,
      play: { seed: '1', keep: false, evidence: undefined },
    });
    for (const one of cases.values()) await runner.run(one);
    await host.end();
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(1200);
  });

  test('the results are those of the published schema, and so is the hello', async () => {
    const { text } = await runCases(['--suite', 'authorizer', '--suite', 'endpoint'], REFERENCE);
    const validate = schemaValidator('results');
    validate(JSON.parse(text));
    expect(validate.errors).toBeNull();
  });

  test('writes JUnit and Markdown', async () => {
    const directory = temporaryDirectory();
    const files = { junit: join(directory, 'junit.xml'), markdown: join(directory, 'report.md') };
    await runKit([
      'run',
      '--suite',
      'authorizer',
      '--junit',
      files.junit,
      '--markdown',
      files.markdown,
      '--',
      ...REFERENCE,
    ]);
    expect(readFileSync(files.junit, 'utf8')).toContain(
      '<testsuite name="authorizer" tests="26" failures="0" errors="0" skipped="0"',
    );
    expect(readFileSync(files.markdown, 'utf8')).toContain('| authorizer | 26 | 26 | 0 | 0 | 0 | 0 |');
  });
});
