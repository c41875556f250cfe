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
  'spiffe://prod.example/payments from kubernetes-secret, fresh\ngeneration 2\n',
  'partner.example, prod.example\nprod.example\n',
  'permissive 1\nstrict 0\n',
  'spiffe://prod.example/web true true\n',
  'false\nerror ERR_MOUNT_NOT_FOUND Check that the volume is mounted in this container and that its writer has issued a first identity.\n',
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
      { cwd: join(packageDirectory, '..', '..') },
    );
    expect(stdout).toBe(expected);
  },
);
