import { describe, expect, test } from 'vitest';

import { parseCommandLine } from '../src/parse-command-line.ts';

const FLAGS = { json: undefined, help: 'h' };

describe('parseCommandLine', () => {
  test('finds flags by name and by letter, and what is no option', () => {
    const { flags, operands, problem } = parseCommandLine(['-h', '/mnt', '--json'], FLAGS, 1);
    expect([...flags].toSorted()).toEqual(['help', 'json']);
    expect(operands).toEqual(['/mnt']);
    expect(problem).toBeUndefined();
  });

  test('takes everything after -- for operands', () => {
    expect(parseCommandLine(['--', '--json'], FLAGS, 1)).toMatchObject({
      operands: ['--json'],
      problem: undefined,
    });
  });

  test('finds what options with a value were given, be it apart or after an equals sign', () => {
    const { flags, values, operands, problem } = parseCommandLine(
      ['--file', '-', '/mnt', '--other=a=b', '--json', '--file', 'last'],
      FLAGS,
      1,
      ['file', 'other'],
    );
    expect([[...values], [...flags], operands, problem]).toEqual([
      [
        ['file', 'last'],
        ['other', 'a=b'],
      ],
      ['json'],
      ['/mnt'],
      undefined,
    ]);
    for (const argv of [['--file'], ['--file='], ['--file', '']]) {
      expect(parseCommandLine(argv, FLAGS, 1, ['file']).problem).toBe('the option --file wants a value');
    }
  });

  test.for([
    [['--jsn'], 'there is no option "--jsn"'],
    [['-x'], 'there is no option "-x"'],
    [['--constructor'], 'there is no option "--constructor"'],
    [['--json=yes'], 'the option --json takes no value'],
    [['a', 'b'], '"b" is one argument too many'],
    [['--\u001B[2J'], String.raw`there is no option "--\u001b[2J"`],
  ] as const)('says what is wrong with %j', ([argv, problem]) => {
    expect(parseCommandLine(argv, FLAGS, 1).problem).toBe(problem);
  });
});
