import { resolve } from 'node:path';

import { expect, test } from 'vitest';

import { programsOn, runProgram } from '../../../tests/programs.ts';

const packageDirectory = resolve(import.meta.dirname, '..');
const programs = programsOn(resolve(packageDirectory, 'README.md'));

const PRINTS = [
  'spiffe://prod.example/payments, fresh\n',
  'spiffe://prod.example/web, verified\n',
  'spiffe://prod.example/web (external)\nspiffe://prod.example/admin (internal)\n',
  'spiffe://prod.example/shop\n',
  'hello spiffe://prod.example/web\n',
];

test('the README has as many examples as are known here', () => {
  expect(programs).toHaveLength(PRINTS.length);
});

test.each(PRINTS.map((output, index) => ({ output, code: programs[index] ?? '', number: index + 1 })))(
  'example $number of the README runs, prints what it should, and ends',
  async ({ output, code }) => {
    const { stdout, stderr } = await runProgram(code, resolve(packageDirectory, '../..'));
    expect(stdout).toBe(output);
    expect(stderr).toBe('');
  },
);
