import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { requirementProblems, unknownNames } from './requirements.ts';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/requirements.md'), 'utf8');

test('every row of docs/requirements.md has a test that names it, or a reason, and every link holds', () => {
  expect(requirementProblems(page, root)).toEqual([]);
});

test('every row that a title names is one', () => {
  expect(unknownNames(root)).toEqual([]);
});

const line = (name: string): string =>
  page.split('\n').find((one) => one.startsWith(`| ${name} `)) ?? 'no such row';

test.each<[string, string, string, string]>([
  ['a row that is missing', `${line('A-23')}\n`, '', 'A-23 is missing'],
  ['a row that is there twice', line('A-23'), `${line('A-23')}\n${line('A-23')}`, 'A-23 is there twice'],
  ['a row that nobody knows', '| A-31 ', '| A-32 ', 'A-32 is no row'],
  [
    'rows in another order',
    `${line('B-01')}\n${line('B-02')}`,
    `${line('B-02')}\n${line('B-01')}`,
    'the rows are not in order',
  ],
  [
    'a row without a link',
    line('ID-03'),
    '| ID-03 | no query | | 23 |',
    'ID-03 has neither a test nor a reason',
  ],
  [
    'a file that is not there',
    line('ID-03'),
    line('ID-03').replace('spiffe-id.test.ts', 'gone.test.ts'),
    'ID-03 links ../packages/core/test/gone.test.ts, which does not exist',
  ],
  [
    'a file without such a title',
    line('ID-03'),
    line('ID-03').replace('spiffe-id.test.ts', 'index.test.ts'),
    'ID-03 links ../packages/core/test/index.test.ts, where no title has it',
  ],
  [
    'a case that is not there',
    line('ID-03'),
    line('ID-03').replace(/\| 23\s*\|$/u, '| 23, 9999 |'),
    'ID-03 links row 9999 of the catalogue, which has no case',
  ],
  [
    'a row of the catalogue that came to nothing',
    line('ID-03'),
    line('ID-03').replace(/\| 23\s*\|$/u, '| 417 |'),
    'ID-03 links row 417 of the catalogue, which has no case',
  ],
  [
    'a page that is not there',
    line('F-01'),
    line('F-01').replace('guides/federation.md', 'guides/gone.md'),
    'F-01 links guides/gone.md, which does not exist',
  ],
])('%s is found', (_name, from, to, problem) => {
  expect(page).toContain(from);
  expect(
    requirementProblems(
      page.replace(from, () => to),
      root,
    ),
  ).toContain(problem);
});
