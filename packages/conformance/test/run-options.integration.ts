import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { hostile, runCases, runKit, temporaryDirectory, VICTIM } from './run-kit.ts';

const CASES = ['--case', 'spiffe-id/accept/segment-dots*', '--seed', '1'];

describe('a run', () => {
  test('repeats each case, and one failure of many is a failure', async () => {
    const { results } = await runCases([...CASES, '--repeat', '3'], hostile('good'));
    expect(results.results.map(({ attempts }) => attempts)).toEqual([3, 3, 3, 3]);
    const failing = await runCases([...CASES, '--repeat', '3'], hostile('fails-second-time'));
    expect(failing.results.results.find((one) => one.case === VICTIM)).toMatchObject({
      status: 'fail',
      attempts: 2,
    });
    expect(failing.exitCode).toBe(1);
  });

  test('stops after as many failures as it is told, and says that it is partial', async () => {
    const { exitCode, results } = await runCases(
      ['--suite', 'spiffe-id', '--bail', '2'],
      hostile('accepts-all'),
    );
    expect(exitCode).toBe(1);
    expect(results.run.partial).toBe(true);
    expect(results.summary['fail']).toBe(2);
  });

  test('runs in the order of its seed, and the same seed is the same order', async () => {
    const orders = await Promise.all(['a', 'a', 'b'].map((seed) => orderOf(seed)));
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).not.toEqual(orders[2]);
    expect(orders[0]?.toSorted()).toEqual(orders[2]?.toSorted());
  });

  test('can be told to report alone', async () => {
    const { exitCode, results } = await runCases([...CASES, '--no-fail'], hostile('answers-wrongly'));
    expect(exitCode).toBe(0);
    expect(results.summary).toEqual({ pass: 3, fail: 1 });
  });

  test('writes down what goes either way', async () => {
    const file = join(temporaryDirectory(), 'trace.ndjson');
    await runCases([...CASES, '--trace', file], hostile('crashes-in-a-line'));
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { to?: string; from?: string });
    expect(lines[0]?.to).toContain('"op":"hello"');
    expect(lines[1]?.from).toContain('"name":"hostile"');
    expect(lines.filter(({ to }) => to?.includes(VICTIM) === true)).toHaveLength(1);
  });

  test('claims nothing', async () => {
    const { text, stdout } = await runCases(CASES, hostile('good'));
    expect(JSON.parse(text)).toMatchObject({
      claims: [],
      run: { selection: { full: false, filters: ['--case spiffe-id/accept/segment-dots*'] } },
    });
    expect(stdout).toContain('nothing can be claimed from this run');
  });

  test('shows failures in JUnit, Markdown and HTML, with nothing of the adapter as markup', async () => {
    const directory = temporaryDirectory();
    const files = {
      junit: join(directory, 'junit.xml'),
      markdown: join(directory, 'report.md'),
      html: join(directory, 'page.html'),
    };
    await runKit([
      'run',
      ...CASES,
      '--junit',
      files.junit,
      '--markdown',
      files.markdown,
      '--html',
      files.html,
      '--',
      ...hostile('writes-markup'),
    ]);
    const junit = readFileSync(files.junit, 'utf8');
    expect(junit).toContain('tests="4" failures="0" errors="1" skipped="0"');
    expect(junit).toContain(
      '<testcase classname="spiffe.spiffe-id.accept" name="segment-dots[name=dot-first]"',
    );
    expect(junit).toContain('&lt;/error&gt;\\u0007&amp;');
    expect(junit).toContain(`spiffe-conformance run --case ${VICTIM}`);
    expect(junit.match(/<\/error>/g)).toHaveLength(1);
    const markdown = readFileSync(files.markdown, 'utf8');
    expect(markdown).toContain('| spiffe-id | 4 | 3 | 0 | 0 | 0 | 1 |');
    expect(markdown).toContain(String.raw`\<img src=x\>`);
    expect(markdown).toContain('> The path component MUST NOT include segments that are empty');
    const html = readFileSync(files.html, 'utf8');
    expect(html).toContain('hostile');
    expect(html).toContain(VICTIM);
    expect(html).not.toContain('<img');
  });
});

describe('the doctor', () => {
  test('finds all that is wrong with an adapter', async () => {
    const modes = [
      'ends-with-1',
      'speaks-anything',
      'looks-at-case',
      'lacks-a-declared-op',
      'claims-core',
      'strict-members',
      'ignores-needs',
    ];
    const { exitCode, stdout } = await runKit(['doctor', '--', ...hostile(modes.join(','))]);
    for (const line of [
      'FAIL bye/exits-0: the adapter ended with exit code 1',
      'FAIL hello/no-common-version: the adapter agrees to a protocol that does not exist',
      'FAIL honesty/case-name-shuffled: the adapter answers reject:unknown in place of ok when sent the name of another case',
      'FAIL caps/declared-ops-exist: the adapter declares what it does not have: td.parse',
      'FAIL caps/profiles-have-ops: the adapter declares a profile without',
      'FAIL msg/unknown-members-ignored: the adapter answers fault in place of ok',
      'FAIL needs/unknown-unsupported: the adapter answers a need that nobody knows with ok',
      '7 checks failed: the adapter is wrong.',
    ]) {
      expect(stdout).toContain(line);
    }
    expect(exitCode).toBe(1);
  });

  test('does not mind in which order an answer has its members', async () => {
    const { exitCode, stdout } = await runKit(['doctor', '--', ...hostile('orders-by-case')]);
    expect(stdout).toContain('ok   honesty/case-name-shuffled');
    expect(exitCode).toBe(0);
  });

  test('finds that an adapter does not end', async () => {
    const { exitCode, stdout } = await runKit([
      'doctor',
      '--timeout-factor',
      '0.2',
      '--',
      ...hostile('ignores-sigterm,knows-every-op'),
    ]);
    expect(stdout).toContain('FAIL op/unknown-unsupported: the adapter answers an unknown operation with ok');
    expect(stdout).toContain(
      'FAIL eof/exits: the adapter did not end when its input did, and did not end on SIGTERM',
    );
    expect(stdout).toContain('FAIL sigterm/exits: the adapter did not end on SIGTERM');
    expect(exitCode).toBe(1);
  });
});

async function orderOf(seed: string): Promise<readonly string[]> {
  const { stdout } = await runKit([
    'run',
    '--suite',
    'endpoint',
    '--suite',
    'trust-domain',
    '--seed',
    seed,
    '--',
    ...hostile('prints-failures'),
  ]);
  return Array.from(stdout.matchAll(/^ {2}\w+ (\S+):/gm), (match) => match[1] ?? '');
}
