import { describe, expect, test } from 'vitest';

import { runSvidkitHere } from './run-svidkit.ts';

describe('svidkit', () => {
  test.for(['--help', '-h'])('%s explains the commands on stdout', async (flag) => {
    const { exitCode, stdout, stderr } = await runSvidkitHere([flag]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('svidkit <command>');
    expect(stdout).toContain('inspect [dir]');
    expect(stdout).toMatch(/^Exit codes: 0 .*1 .*2 usage/m);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('inspect --help explains its options and exit codes on stdout', async () => {
    const { exitCode, stdout, stderr } = await runSvidkitHere(['inspect', '--help', '/nowhere']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const word of ['--json', '--strict', '--help', 'SPIFFE_CREDENTIAL_FOLDER', 'Exit codes: 0']) {
      expect(stdout).toContain(word);
    }
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test.for([
    [['inspct'], 'svidkit: there is no command "inspct"; there is inspect. See svidkit --help.\n'],
    [['--jsn'], 'svidkit: there is no option "--jsn". See svidkit --help.\n'],
    [['--help', 'inspect'], 'svidkit: "inspect" is one argument too many. See svidkit --help.\n'],
    [['inspect', '--jsn'], 'svidkit inspect: there is no option "--jsn". See svidkit inspect --help.\n'],
    [['inspect', 'a', 'b'], 'svidkit inspect: "b" is one argument too many. See svidkit inspect --help.\n'],
    [['inspect', ''], 'svidkit inspect: the directory has no name. See svidkit inspect --help.\n'],
  ] as const)('%j is a wrong usage, and one line says why', async ([argv, stderr]) => {
    expect(await runSvidkitHere(argv)).toEqual({ exitCode: 2, stdout: '', stderr });
  });

  test('alone is a wrong usage, and shows what there is', async () => {
    const { exitCode, stdout, stderr } = await runSvidkitHere([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('inspect [dir]');
  });
});
