import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const packageDirectory = join(import.meta.dirname, '..');
const snippets = Array.from(
  readFileSync(join(packageDirectory, 'README.md'), 'utf8').matchAll(/^```js\n(.*?)^```$/gms),
  (match) => match[1] ?? '',
);

const OUTPUT = [
  'spiffe://prod.example/ns/shop/sa/payments may come in\n',
  '/ns/shop/sa/api\ntrue\n',
  'spiffe://prod.example/web is verified: true\n',
  'generation 2\nfresh\nnothing to use\n',
  '42n 1 true\n',
  'strict 0\npermissive 2\n',
];

test('the README has as many snippets as are checked here', () => {
  expect(snippets).toHaveLength(OUTPUT.length);
});

test.each(snippets.map((code, index) => [index + 1, code, OUTPUT[index]] as const))(
  'snippet %i of the README runs and prints what it says',
  async (_number, code, expected) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@svidkit/source', '--input-type=module', '--eval', code],
      { cwd: packageDirectory },
    );
    expect(stdout).toBe(expected);
  },
);
