import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How many rows there are of each kind, from 01 on. */
const ROWS: Readonly<Record<string, number>> = {
  ID: 26,
  X: 32,
  J: 22,
  W: 23,
  B: 17,
  E: 16,
  A: 31,
  F: 26,
  BR: 15,
};

const KINDS = Object.keys(ROWS).join('|');
const NAME = new RegExp(String.raw`\b(?:${KINDS})-\d{2}\b`, 'gu');
const LITERAL = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/gu;
const LINK = /\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)/gu;

/** One row of the page. */
interface Row {
  readonly name: string;
  readonly tests: string;
  readonly kit: string;
}

/**
 * What is wrong with `docs/requirements.md`, one sentence each: rows that are missing, out of order or without a test, and
 * links that lead nowhere.
 *
 * @param page - its text.
 * @param root - the directory of the repository.
 */
export function requirementProblems(page: string, root: string): readonly string[] {
  const rows = rowsOf(page);
  const problems = orderProblems(rows);
  const coverage = JSON.parse(readFileSync(join(root, 'packages/conformance/coverage.json'), 'utf8')) as {
    readonly rows: Readonly<Record<string, unknown>>;
  };
  for (const { name, tests, kit } of rows) {
    const links = Array.from(tests.matchAll(LINK), (match) => match[1] ?? '');
    if (links.length === 0) problems.push(`${name} has neither a test nor a reason`);
    for (const link of links) {
      const file = join(root, 'docs', link);
      if (!existsSync(file)) problems.push(`${name} links ${link}, which does not exist`);
      else if (!tests.startsWith('advice: ') && !namesIn(readFileSync(file, 'utf8')).has(name))
        problems.push(`${name} links ${link}, where no title has it`);
    }
    for (const number of numbersOf(kit)) {
      const cases = coverage.rows[number];
      if (!Array.isArray(cases) || cases.length === 0)
        problems.push(`${name} links row ${number} of the catalogue, which has no case`);
    }
  }
  return problems;
}

/** The names in titles of tests that are no rows, each with its file. */
export function unknownNames(root: string): readonly string[] {
  const known = new Set(expectedNames());
  return testFiles(root).flatMap((file) =>
    [...namesIn(readFileSync(join(root, file), 'utf8'))]
      .filter((name) => !known.has(name))
      .map((name) => `${file} has ${name}, which is no row`),
  );
}

/** The kit names sentences, and not these rows. */
function testFiles(root: string): readonly string[] {
  const found = globSync(['packages/*/test/**/*.ts', 'tests/**/*.ts'], { cwd: root });
  return found.filter((file) => !file.includes('node_modules') && !file.includes('conformance')).toSorted();
}

/** The rows that a file has in titles: in texts of its program, and never in comments. */
function namesIn(program: string): ReadonlySet<string> {
  const code = program
    .split('\n')
    .filter((line) => !/^\s*(?:\/\/|\*|\/\*)/u.test(line))
    .join('\n');
  return new Set(
    Array.from(code.matchAll(LITERAL), ([text]) => Array.from(text.matchAll(NAME), ([name]) => name)).flat(),
  );
}

function rowsOf(page: string): readonly Row[] {
  return page.split('\n').flatMap((line) => {
    const [, name = '', , tests = '', kit = ''] = line.split('|').map((cell) => cell.trim());
    return new RegExp(`^(?:${KINDS})-\\d+$`, 'u').test(name) ? [{ name, tests, kit }] : [];
  });
}

function orderProblems(rows: readonly Row[]): string[] {
  const got = rows.map(({ name }) => name);
  const want = expectedNames();
  return [
    ...want.filter((name) => !got.includes(name)).map((name) => `${name} is missing`),
    ...got.filter((name, index) => got.indexOf(name) !== index).map((name) => `${name} is there twice`),
    ...got.filter((name) => !want.includes(name)).map((name) => `${name} is no row`),
    ...(got.join() === want.join() ? [] : ['the rows are not in order']),
  ];
}

function expectedNames(): readonly string[] {
  return Object.entries(ROWS).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, index) => `${kind}-${String(index + 1).padStart(2, '0')}`),
  );
}

/** `1, 15-17` as numbers. */
function numbersOf(cell: string): readonly string[] {
  return cell
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = Number.NaN, last = first] = part.split('-').map(Number);
      if (!Number.isInteger(first) || !Number.isInteger(last) || last < first) return [part];
      return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
    });
}
