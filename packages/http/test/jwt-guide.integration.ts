import { join } from 'node:path';

import { expect, test } from 'vitest';

import { programsOn, runProgram } from '../../../tests/programs.ts';

const packageDirectory = join(import.meta.dirname, '..');
const programs = programsOn(join(packageDirectory, '../../docs/guides/jwt.md'));

const OUTPUT = [
  'spiffe://prod.example/web true\nERR_JWT_AUDIENCE\n',
  'spiffe://prod.example/web for payments\ntrue\ntrue\n',
  '1\n',
  'hello spiffe://prod.example/web\n401 Bearer ERR_JWT_MISSING\n',
  '200\n403\n',
  'hello spiffe://prod.example/web, by way of spiffe://prod.example/gateway\n',
];

test('the guide on JWT-SVIDs has as many programs as are run here', () => {
  expect(programs).toHaveLength(OUTPUT.length);
});

test.each(programs.map((code, index) => [index + 1, code, OUTPUT[index]] as const))(
  'program %i of the guide on JWT-SVIDs runs and prints what it says',
  async (_number, code, expected) => {
    const { stdout } = await runProgram(code, packageDirectory);
    expect(stdout).toBe(expected);
  },
);
