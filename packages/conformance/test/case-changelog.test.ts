import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { caseChangelog, type ListedCase } from '../generate/case-changelog.ts';
import { WITHDRAWN } from '../generate/withdrawn.ts';
import { allSuites } from '../src/all-suites.ts';

const FIRST: readonly ListedCase[] = [
  { id: 'a/accept/one', level: 'must', since: '0.1.0' },
  { id: 'a/accept/two', level: 'choice', since: '0.1.0' },
  { id: 'b/reject/one', level: 'must', since: '0.1.0' },
];

test('the first release is told in numbers, since all is new', () => {
  const text = caseChangelog(FIRST, {});
  expect(text).toContain('## 0.1.0\n\n| suite | cases | must | should | may | ref | choice |');
  expect(text).toContain(
    '| a | 2 | 1 |  |  |  | 1 |\n| b | 1 | 1 |  |  |  |  |\n| all | 3 | 2 |  |  |  | 1 |\n',
  );
  expect(text).not.toContain('### ');
});

test('later ones say what is new, superseded and withdrawn, the newest first', () => {
  const text = caseChangelog(
    [
      ...FIRST,
      { id: 'a/reject/new', level: 'should', since: '0.10.0' },
      { id: 'a/accept/three', level: 'ref', since: '0.9.0', supersedes: 'a/accept/old' },
    ],
    {
      'a/accept/old': { in: '0.9.0', why: 'it wanted the other' },
      'a/accept/wrong': { in: '0.10.0', why: 'there is no such sentence' },
    },
  );
  expect(text.slice(text.indexOf('## 0.10.0'), text.indexOf('## 0.1.0\n'))).toBe(
    [
      '## 0.10.0',
      '### New',
      '- `a/reject/new` (should)',
      '### Withdrawn',
      '- `a/accept/wrong`: there is no such sentence',
      '## 0.9.0',
      '### Superseded',
      '- `a/accept/old` by `a/accept/three` (ref)',
      '',
    ].join('\n\n'),
  );
});

test('what contradicts itself is refused', () => {
  const why = 'a reason';
  expect(() => caseChangelog(FIRST, { 'a/accept/one': { in: '0.2.0', why } })).toThrow(
    'a/accept/one is withdrawn, and is there',
  );
  const lonely = { id: 'a/accept/new', level: 'must', since: '0.2.0', supersedes: 'a/accept/one' } as const;
  expect(() => caseChangelog([...FIRST, lonely], {})).toThrow('which is not withdrawn');
});

test('the committed list counts every case there is', () => {
  const text = readFileSync(join(import.meta.dirname, '../CHANGELOG-cases.md'), 'utf8');
  const every = allSuites().flatMap(({ cases }) => cases);
  expect(text).toMatch(new RegExp(`\\| all +\\| ${every.length} `));
});

test('no id that was published is gone without a word', () => {
  const published = readFileSync(join(import.meta.dirname, '../published-ids.json'), 'utf8');
  const there = new Set(allSuites().flatMap(({ cases }) => cases.map(({ id }) => id)));
  const gone = Object.keys(JSON.parse(published) as object).filter((id) => !there.has(id));
  expect(gone.filter((id) => !Object.hasOwn(WITHDRAWN, id))).toEqual([]);
});
