import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { hostile, runCases, runKit, STATIC_REFERENCE, temporaryDirectory } from './run-kit.ts';
import { schemaValidator } from './schema-validator.ts';

let made: Promise<readonly string[]> | undefined;

/** What the parts of one run wrote, made by the first test that wants them. */
function parts(): Promise<readonly string[]> {
  made ??= shards(STATIC_REFERENCE);
  return made;
}

/** Results without what differs from run to run. */
function timeless(text: string): unknown {
  const document = JSON.parse(text) as { readonly run: object; readonly results: readonly object[] };
  const results = document.results.map((one) => ({ ...one, ms: 0 }));
  return { ...document, run: { ...document.run, started: '', durationMs: 0 }, results };
}

async function shards(adapter: readonly string[], ...options: readonly string[]): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const shard of ['1/3', '2/3', '3/3'])
    texts.push((await runCases(['--shard', shard, '--seed', 's', ...options], adapter)).text);
  return texts;
}

/** Files of these texts, and where to put what they come to. */
function written(...texts: readonly string[]): {
  readonly files: readonly string[];
  readonly output: string;
} {
  const folder = temporaryDirectory();
  const files = texts.map((text, index) => {
    const file = join(folder, `${index}.json`);
    writeFileSync(file, text);
    return file;
  });
  return { files, output: join(folder, 'results.json') };
}

describe('the parts of one run', () => {
  test('come to what the whole run writes, claims and all, but for times', async () => {
    const { files, output } = written(...(await parts()));
    const { exitCode, stdout } = await runKit(['merge', ...files, '-o', output, '--claim', 'core']);
    expect(stdout).toMatch(/\d{3,} cases, 0 failed; conformant: core/);
    expect(exitCode).toBe(0);
    const whole = await runCases(['--seed', 's'], STATIC_REFERENCE);
    const merged = readFileSync(output, 'utf8');
    const validate = schemaValidator('results');
    validate(JSON.parse(merged));
    expect(validate.errors).toBeNull();
    expect(timeless(merged)).toEqual(timeless(whole.text));
  });

  test('may come in any order, and fail a claim that they do not bear out', async () => {
    const { files, output } = written(...(await parts()).toReversed());
    const { exitCode, stderr } = await runKit([
      'merge',
      ...files,
      '-o',
      output,
      '--claim',
      'no-such-profile',
    ]);
    expect(stderr).toContain('not conformant: no-such-profile');
    expect(exitCode).toBe(1);
  });

  test.each([
    ['one is missing', (all: readonly string[]) => all.slice(1), 'the parts 1/3 are missing'],
    [
      'one is there twice',
      (all: readonly string[]) => [...all, ...all.slice(0, 1)],
      '4 files are no 3 parts',
    ],
    [
      'one is of another version',
      ([first = '', ...rest]: readonly string[]) => [
        ...rest,
        first.replace('"name": "svidkit"', '"name": "other"'),
      ],
      'is of another implementation than',
    ],
    [
      'one is of another kit',
      ([first = '', ...rest]: readonly string[]) => [...rest, first.replace('"kit": "', '"kit": "9.')],
      'and this is 0.1.0',
    ],
    [
      'one was cut short',
      ([first = '', ...rest]: readonly string[]) => [
        ...rest,
        first.replace('"run": {', '"run": {"partial": true,'),
      ],
      'was cut short',
    ],
    [
      'one is of a run in which the kit failed',
      ([first = '', ...rest]: readonly string[]) => [
        ...rest,
        first.replace('"status": "pass"', '"status": "error", "actual": {"kit": "no socket"}'),
      ],
      'in which the kit failed',
    ],
    [
      'one lacks a case',
      ([first = '', ...rest]: readonly string[]) => [
        ...rest,
        JSON.stringify({
          ...(JSON.parse(first) as object),
          results: (JSON.parse(first) as { readonly results: readonly object[] }).results.slice(1),
        }),
      ],
      'none of the files has',
    ],
    ['there are none', () => [], 'which results?'],
  ])('are refused when %s', async (_what, change, message) => {
    const { files, output } = written(...change(await parts()));
    const { exitCode, stderr } = await runKit(['merge', ...files, '-o', output]);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  test('are refused when more than --shard chose them', async () => {
    const { files, output } = written(...(await shards(hostile('good'), '--suite', 'spiffe-id')));
    const { exitCode, stderr } = await runKit(['merge', ...files, '-o', output]);
    expect(stderr).toContain('is of no run with --shard alone');
    expect(exitCode).toBe(2);
  });
});
