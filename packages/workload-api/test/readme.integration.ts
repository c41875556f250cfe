import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const packageDirectory = resolve(import.meta.dirname, '..');
const readme = readFileSync(resolve(packageDirectory, 'README.md'), 'utf8');
const examples = Array.from(readme.matchAll(/^```js\n(.*?)^```$/gms), (match) => match[1] ?? '');

const PRINTS = [
  'spiffe://prod.example/payments, fresh\n',
  'spiffe://prod.example/web, verified\n',
  'spiffe://prod.example/web (external)\nspiffe://prod.example/admin (internal)\n',
  'spiffe://prod.example/shop\n',
];

test('the README has as many examples as are known here', () => {
  expect(examples).toHaveLength(PRINTS.length);
});

test.each(PRINTS.map((output, index) => ({ output, code: examples[index] ?? '', number: index + 1 })))(
  'example $number of the README runs, prints what it should, and ends',
  async ({ output, code }) => {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [
        '--conditions=@svidkit/source',
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '--eval',
        code,
      ],
      { cwd: resolve(packageDirectory, '../..'), timeout: 30_000 },
    );
    expect(stdout).toBe(output);
    expect(stderr).toBe('');
  },
);
