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

test('the snippet of the README runs, prints what it says, and ends', async () => {
  expect(snippets).toHaveLength(1);
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@svidkit/source', '--input-type=module', '--eval', snippets[0] ?? ''],
    { cwd: packageDirectory },
  );
  expect(stdout).toBe('hello spiffe://prod.example/web, how are you?\n');
  expect(stderr).toBe('');
});
