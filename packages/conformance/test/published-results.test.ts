import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { allSuites } from '../src/all-suites.ts';
import { markdown } from '../src/report/markdown-text.ts';
import { readResults } from '../src/report/read-results.ts';
import { schemaValidator } from './schema-validator.ts';

const ROOT = join(import.meta.dirname, '../../..');
const DOCS = join(ROOT, 'docs/conformance');

/** By implementation, where its version is pinned. */
const PINS: Readonly<Record<string, (version: string) => readonly [file: string, pin: string]>> = {
  go: (version) => ['go.mod', `github.com/spiffe/go-spiffe/v2 v${version}\n`],
  python: (version) => ['requirements.in', `spiffe==${version}\n`],
  rust: (version) => ['Cargo.toml', `spiffe = { version = "=${version}"`],
  java: (version) => ['pom.xml', `<java-spiffe.version>${version}</java-spiffe.version>`],
};

/** What `npm run interop -- conformance` keeps needs toolchains that this test does without. */
describe.each(['typescript', ...Object.keys(PINS)])('the kept results of %s', (name) => {
  const file = join(DOCS, 'results', `${name}.json`);
  const results = readResults(file);

  test('are results of a whole run, without the time of day', () => {
    const validate = schemaValidator('results');
    validate(JSON.parse(readFileSync(file, 'utf8')));
    expect(validate.errors ?? []).toEqual([]);
    expect(results.full).toBe(true);
    expect(results.started).toBeUndefined();
  });

  test('have no case that the kit does not have, at no other level', () => {
    const levels = new Map(allSuites().flatMap(({ cases }) => cases.map(({ id, level }) => [id, level])));
    expect(results.results.filter((one) => levels.get(one.case) !== one.level)).toEqual([]);
  });

  test('differ from the cases where the list of known failures says so, and nowhere else', () => {
    const bad = results.results.filter(({ status }) => !['pass', 'unsupported', 'skipped'].includes(status));
    expect(bad.filter(({ status }) => status !== 'known-fail' && status !== 'known-flaky')).toEqual([]);
    expect(bad.map((one) => one.case).toSorted()).toEqual(knownCases(name).toSorted());
  });

  test('are of the version that is pinned', () => {
    const pin = PINS[name];
    if (pin === undefined) return;
    const [place, text] = pin(results.version);
    expect(readFileSync(join(ROOT, 'interop', name, place), 'utf8')).toContain(text);
  });

  test('are in the matrix', () => {
    const matrix = readFileSync(join(DOCS, 'matrix.md'), 'utf8');
    expect(matrix).toContain(`${results.name} ${results.version}`);
    for (const id of knownCases(name)) expect(matrix).toContain(`| ${markdown(id)} |`);
  });
});

function knownCases(name: string): readonly string[] {
  if (name === 'typescript') return [];
  const file = join(ROOT, 'interop', name, 'spiffe-conformance.known.json');
  const { known } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly known: readonly { readonly case: string }[];
  };
  return known.map((one) => one.case);
}
