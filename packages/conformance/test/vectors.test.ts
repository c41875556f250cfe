import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { generatedFiles } from '../generate/generated-files.ts';
import { allSuites } from '../src/all-suites.ts';
import { REASON_CODES } from '../src/reason-codes.ts';
import { loadSuites } from '../src/vectors/load-suites.ts';
import { type Case, type Expectation } from '../src/vectors/vector.ts';
import { schemaValidator } from './schema-validator.ts';

const root = join(import.meta.dirname, '..');
const files = loadSuites();
const cases = new Map(files.flatMap((file) => file.cases.map((one) => [one.id, one] as const)));
const every = allSuites().flatMap((file) => file.cases);

interface Coverage {
  readonly sections: readonly { from: number; to: number; finished: boolean; name: string }[];
  readonly rows: Readonly<Record<string, readonly string[] | string>>;
}
const coverage = JSON.parse(readFileSync(join(root, 'coverage.json'), 'utf8')) as Coverage;
const published = JSON.parse(readFileSync(join(root, 'published-ids.json'), 'utf8')) as Record<
  string,
  string
>;

describe('the vectors', () => {
  test('are what `pnpm run vectors` writes, byte for byte, and the reference answers as they say', () => {
    const generated = generatedFiles();
    const stale = [...generated].filter(([path, text]) => readFileSync(join(root, path), 'utf8') !== text);
    expect(stale.map(([path]) => path)).toEqual([]);
    const names = readdirSync(join(root, 'vectors')).map((name) => `vectors/${name}`);
    expect(names.filter((name) => !generated.has(name))).toEqual([]);
    // Everything is minted anew, which takes a busy machine its time.
  }, 120_000);

  test.each(files.map((file) => [file.suite, file] as const))('of %s are of their schema', (_suite, file) => {
    const validate = schemaValidator('vectors');
    validate(file);
    expect(validate.errors).toBeNull();
    expect(file.cases.filter(({ id }) => !id.startsWith(`${file.suite}/`))).toEqual([]);
  });

  test.each([
    ['a rejecting case without a control', 'spiffe-id/reject/empty', { control: undefined }],
    ['a choice that may be refused without a control', 'spiffe-id/choice/len-2049', { control: undefined }],
    ['a choice that leaves nothing open', 'spiffe-id/choice/len-2049', { expect: { ok: { id: 'x' } } }],
    ['an ok that wants nothing', 'spiffe-id/accept/td-only', { expect: { ok: {} } }],
    ['an id in upper case', 'spiffe-id/accept/td-only', { id: 'spiffe-id/accept/TD' }],
    ['a level that is none', 'spiffe-id/accept/td-only', { level: 'always' }],
    ['a member that nobody knows', 'spiffe-id/accept/td-only', { skip: true }],
  ])('are refused by their schema with %s', (_what, id, change) => {
    const validate = schemaValidator('vectors');
    const [file] = files;
    const one = cases.get(id);
    expect(validate({ ...file, cases: [one] })).toBe(true);
    expect(validate(JSON.parse(JSON.stringify({ ...file, cases: [{ ...one, ...change }] })))).toBe(false);
  });

  test('name controls that are accepted and need no more than the case', () => {
    for (const one of cases.values()) {
      if (one.control === undefined) continue;
      const control = cases.get(one.control);
      expect(control?.op, `${one.id}: the control`).toBe(one.op);
      expect(control !== undefined && 'ok' in control.expect, `${one.id}: the control is accepted`).toBe(
        true,
      );
      expect(
        (control?.features ?? []).filter(
          (feature) => !(one.features ?? []).includes(feature) && feature.startsWith('clock'),
        ),
      ).toEqual([]);
    }
  });

  test('name reasons of the closed list alone, and all of that list is of use', () => {
    const used = new Set([...cases.values()].flatMap(({ expect: wanted }) => codesOf(wanted)));
    expect([...used].filter((code) => !REASON_CODES.has(code) || code === 'unknown')).toEqual([]);
  });

  test('want more than the mere word ok', () => {
    const bare = [...cases.values()].filter((one) =>
      oksOf(one.expect).some((value) => Object.keys(value).length === 0),
    );
    expect(bare).toEqual([]);
  });

  test('keep every id that was published, with its level and its verdict', () => {
    const now = Object.fromEntries(every.map((one) => [one.id, `${one.level} ${verdictOf(one)}`]));
    expect(now).toEqual(published);
  });
});

describe('the coverage of the catalogue', () => {
  test('is of the rows that the catalogue has', () => {
    const catalogue = readFileSync(join(root, '../../docs/design/conformance-catalogue.md'), 'utf8');
    const rows = Array.from(catalogue.matchAll(/\*\*(\d+)\*\* `/g), (match) => Number(match[1]));
    expect(rows.toSorted((a, b) => a - b)).toEqual(Object.keys(coverage.rows).map(Number));
  });

  test('has every row once, and every case in it exists', () => {
    expect(Object.keys(coverage.rows).map(Number)).toEqual(
      Array.from({ length: 450 }, (_, index) => index + 1),
    );
    const listed = Object.values(coverage.rows).flatMap((row) => (typeof row === 'string' ? [] : row));
    expect(listed.toSorted()).toEqual(every.map(({ id }) => id).toSorted());
  });

  test('lacks no row of a finished section', () => {
    for (const { from, to, finished } of coverage.sections) {
      if (!finished) continue;
      for (let row = from; row <= to; row++)
        expect(coverage.rows[row], `row ${row}`).not.toBe('later: MISSING');
    }
  });

  test('gives a reason for every row without a case', () => {
    const bare = Object.entries(coverage.rows).filter(
      ([, row]) =>
        typeof row === 'string' && (!row.startsWith('later: ') || row.length < 'later: '.length + 10),
    );
    expect(bare).toEqual([]);
  });
});

function codesOf(wanted: Expectation): readonly string[] {
  if ('anyOf' in wanted) return wanted.anyOf.flatMap((branch) => codesOf(branch.expect));
  return 'reject' in wanted ? wanted.reject.codes : [];
}

function oksOf(wanted: Expectation): readonly object[] {
  if ('anyOf' in wanted) return wanted.anyOf.flatMap((branch) => oksOf(branch.expect));
  return 'ok' in wanted ? [wanted.ok] : [];
}

function verdictOf({ expect: wanted }: Case): string {
  return 'anyOf' in wanted ? 'anyOf' : 'ok' in wanted ? 'ok' : 'reject';
}
