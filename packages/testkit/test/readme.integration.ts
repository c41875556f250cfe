import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { CA_DEFECTS, LEAF_DEFECTS } from '../src/index.ts';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

test('the README has examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(7);
});

test.for(examples.map((code, index) => ({ code, index })))(
  'example $index of the README runs',
  ({ code }) => {
    const run = spawnSync(process.execPath, ['--conditions=@svidkit/source', '--input-type=module', '-'], {
      cwd: packageDirectory,
      input: code,
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(run).toMatchObject({ status: 0, signal: null });
  },
);

test.for([
  ['leaf defects', LEAF_DEFECTS],
  ['CA defects', CA_DEFECTS],
] as const)('the README lists all %s', ([heading, defects]) => {
  const list = readme.match(new RegExp(`<!-- ${heading} -->\n(.*?)<!-- end -->`, 's'))?.[1]?.trim();
  const expected = Object.entries(defects).map(([name, description]) => `- \`${name}\`: ${description}`);
  expect(list).toBe(expected.join('\n'));
});
