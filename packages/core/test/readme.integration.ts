import { join } from 'node:path';

import { expect, test } from 'vitest';

import { programsOn, runProgram } from '../../../tests/programs.ts';

const packageDirectory = join(import.meta.dirname, '..');
const programs = programsOn(join(packageDirectory, 'README.md'));

const OUTPUT = [
  'spiffe://prod.example/ns/shop/sa/payments may come in\n',
  '/ns/shop/sa/api\ntrue\n',
  'spiffe://prod.example/web is verified: true\n',
  'generation 2\nfresh\nnothing to use\n',
  '42n 1 true\n',
  'strict 0\npermissive 2\n',
];

test('the README has as many snippets as are checked here', () => {
  expect(programs).toHaveLength(OUTPUT.length);
});

test.each(programs.map((code, index) => [index + 1, code, OUTPUT[index]] as const))(
  'snippet %i of the README runs and prints what it says',
  async (_number, code, expected) => {
    const { stdout } = await runProgram(code, packageDirectory);
    expect(stdout).toBe(expected);
  },
);
