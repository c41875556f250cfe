import { join } from 'node:path';

import { expect, test } from 'vitest';

import { programsOn, runProgram } from '../../../tests/programs.ts';

const packageDirectory = join(import.meta.dirname, '..');
const programs = programsOn(join(packageDirectory, 'README.md'));

const OUTPUT = [
  'spiffe://prod.example/payments from kubernetes-secret, fresh\ngeneration 2\n',
  'partner.example, prod.example\nprod.example\n',
  'permissive 1\nstrict 0\n',
  'spiffe://prod.example/web true true\n',
  'false\nerror ERR_MOUNT_NOT_FOUND Check that the volume is mounted in this container and that its writer has issued a first identity.\n',
];

test('the README has as many snippets as are checked here', () => {
  expect(programs).toHaveLength(OUTPUT.length);
});

test.each(programs.map((code, index) => [index + 1, code, OUTPUT[index]] as const))(
  'snippet %i of the README runs and prints what it says',
  async (_number, code, expected) => {
    const { stdout } = await runProgram(code, join(packageDirectory, '..', '..'));
    expect(stdout).toBe(expected);
  },
);
