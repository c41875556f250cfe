import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { LANGUAGES } from '../src/init/languages.ts';
import { runKit, temporaryDirectory } from './run-kit.ts';

const BIN = join(import.meta.dirname, '../src/bin.ts');
const TOOLCHAINS = [
  ['python', 'python3', '--version'],
  ['go', 'go', 'version'],
] as const;

const has = (program: string, argument: string): boolean => spawnSync(program, [argument]).status === 0;

/** As a user would: in the folder, with the commands that `init` told. */
function shell(folder: string, command: string): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('the skeleton of an adapter', () => {
  // Rust and Java need packages of their registries: `npm run interop -- skeletons`.
  describe.each(TOOLCHAINS)('in %s', (name, program, argument) => {
    test.skipIf(!has(program, argument))(
      'is built, speaks the protocol, and passes what it has',
      async () => {
        const language = LANGUAGES.find((one) => one.name === name);
        const folder = join(temporaryDirectory(), 'adapter');
        const made = await runKit(['init', name, '-o', folder]);
        expect(made.stdout).toContain(`  ${language?.build}\n`);
        expect(made.exitCode).toBe(0);
        expect(shell(folder, language?.build ?? 'false')).toMatchObject({ status: 0 });
        const kit = `'${process.execPath}' --conditions=@svidkit/source '${BIN}'`;
        const doctor = shell(folder, `${kit} doctor -- ${language?.adapter}`);
        expect(doctor.output).not.toMatch(/FAIL|skip/);
        expect(doctor.status).toBe(0);
        const run = shell(folder, `${kit} run --suite spiffe-id --json results.json -- ${language?.adapter}`);
        expect(run.output).toMatch(/^\d{3} cases executed: \d{3} pass, \d+ unsupported$/m);
        expect(run.status).toBe(0);
      },
    );
  });

  test.each(LANGUAGES.map((language) => [language.name, language] as const))(
    'in %s has all its files, a README and a workflow without gaps',
    async (name, language) => {
      const folder = join(temporaryDirectory(), 'adapter');
      expect((await runKit(['init', name, '-o', folder])).exitCode).toBe(0);
      const files = [...language.files, 'README.md', '.github/workflows/conformance.yml'];
      expect(files.filter((file) => !existsSync(join(folder, file)))).toEqual([]);
      const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
      expect(texts.filter((text) => /\b[A-Z]+_[A-Z]+\b(?!=)/.test(text.replaceAll('GITHUB_', '')))).toEqual(
        [],
      );
      expect(texts.at(-1)).toContain(`doctor -- ${language.adapter}`);
    },
  );

  test('is not written over anything, nor in a language that there is none for', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'mine.txt'), 'mine');
    const occupied = await runKit(['init', 'go', '-o', folder]);
    expect(occupied.stderr).toContain('is not empty');
    const unknown = await runKit(['init', 'cobol', '-o', join(folder, 'new')]);
    expect(unknown.stderr).toContain('which language? There is python, go, rust, java, csharp');
    expect([occupied, unknown].map(({ exitCode }) => exitCode)).toEqual([2, 2]);
  });
});
