import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { runProgram } from '../../../tests/programs.ts';

const root = join(import.meta.dirname, '../../..');
const guides = readdirSync(join(root, 'docs/guides')).filter((name) => name.endsWith('.md'));
const tests = globSync('packages/*/test/**/*.integration.ts', { cwd: root }).map((name) =>
  readFileSync(join(root, name), 'utf8'),
);

/** The programs of a guide, each with what it prints: the `text` block right after it. */
const programs = guides.flatMap((guide) =>
  Array.from(
    readFileSync(join(root, 'docs/guides', guide), 'utf8').matchAll(
      /^```js\n(?<code>.*?)^```\n(?:\n```text\n(?<output>.*?)^```$)?/gms,
    ),
    ({ groups }, index) => ({
      guide,
      number: index + 1,
      code: groups?.['code'] ?? '',
      output: groups?.['output'],
    }),
  ),
);

test.each(programs.filter(({ output }) => output !== undefined))(
  'program $number of $guide runs and prints what it says',
  async ({ code, output }) => {
    const { stdout } = await runProgram(code, root);
    expect(stdout).toBe(output);
  },
);

test('programs that do not say what they print are run by a test that names their guide', () => {
  const silent = programs.filter(({ output }) => output === undefined).map(({ guide }) => guide);
  const unknown = [...new Set(silent)].filter(
    (guide) => !tests.some((text) => text.includes(`guides/${guide}`)),
  );
  expect(unknown).toEqual([]);
});

test('the guides have programs at all', () => {
  expect(programs.length).toBeGreaterThan(0);
});
