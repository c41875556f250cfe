import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { allSuites } from '../src/all-suites.ts';
import { nodeProblem } from '../src/cli/node-problem.ts';
import { LineSplitter } from '../src/protocol/line-splitter.ts';
import { REASON_CODES } from '../src/reason-codes.ts';
import { casePattern } from '../src/run/case-pattern.ts';
import { judge } from '../src/run/judge.ts';
import { type Case } from '../src/vectors/vector.ts';
import { runKit } from './run-kit.ts';

describe('the command line', () => {
  test.each([
    [['run'], 'which adapter?'],
    [['run', '--frobnicate', '--', 'x'], 'there is no option "--frobnicate"'],
    [['run', '--seed', '--', 'x'], '--seed wants a value'],
    [['run', '--seed', '1', '--seed', '2', '--', 'x'], '--seed is given twice'],
    [['run', '--suite', 'nothing', '--', 'x'], 'there is no suite "nothing"; there is spiffe-id, '],
    [['run', '--case', 'a/*', '--', 'x'], 'no case fits a/*'],
    [['run', '--level', 'always', '--', 'x'], '--level is one of must, should, may, ref, choice'],
    [['run', '--shard', '3/2', '--', 'x'], '--shard wants a part such as 2/4'],
    [['run', '--repeat', '0', '--', 'x'], '--repeat wants a whole number of at least 1'],
    [['run', '--timeout-factor', 'slow', '--', 'x'], '--timeout-factor wants a number of at least 0.01'],
    [['run', '--codes', 'maybe', '--', 'x'], '--codes is one of warn, ignore, strict'],
    [['run', '--at', 'tomorrow', '--', 'x'], '--at wants an instant'],
    [['run', '--known', '/nonexistent', '--', 'x'], '/nonexistent'],
    [['run', 'operand', '--', 'x'], '"operand" is one argument too many'],
    [['run', './my-adapter'], 'an adapter comes after --'],
    [['explain', 'spiffe-id/accept/nothing'], 'there is no case'],
    [['frobnicate'], 'there is no command "frobnicate"'],
    [[], 'Usage: spiffe-conformance <command>'],
  ])('%j is exit code 2', async (argv, message) => {
    const { exitCode, stderr } = await runKit(argv);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  test('a Node.js that is too old is told before anything is done', () => {
    const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
      readonly engines: { readonly node: string };
    };
    expect(nodeProblem('20.20.2')).toContain(engines.node.replace(/\.0$/, '').replace('>=', '>= '));
    expect(nodeProblem('22.21.9')).toBeDefined();
    for (const version of ['22.22.0', '24.0.0', '26.10.0']) expect(nodeProblem(version)).toBeUndefined();
  });

  test('every command helps, and the help of all names it', async () => {
    const all = await runKit(['--help']);
    const commands = Array.from(all.stdout.matchAll(/^ {2}([a-z-]+) /gm), (match) => match[1] ?? '');
    expect(commands).toContain('matrix');
    for (const command of commands) {
      const { exitCode, stdout } = await runKit([command, '--help']);
      expect(stdout).toContain(`Usage: spiffe-conformance ${command}`);
      expect(exitCode).toBe(0);
    }
    const { stderr } = await runKit(['nothing']);
    expect(stderr).toContain('there is no command');
  });

  test('lists cases, in shards that together are all of them', async () => {
    const all = await ids([]);
    expect(all.length).toBe(allSuites().reduce((sum, { cases }) => sum + cases.length, 0));
    const shards = await Promise.all(['1/3', '2/3', '3/3'].map((shard) => ids(['--shard', shard])));
    expect(shards.flat().toSorted()).toEqual(all.toSorted());
    expect(await ids(['--profile', 'workload-api'])).toEqual(
      await ids(['--suite', 'endpoint', '--suite', 'workload-api']),
    );
    expect(await ids(['--level', 'choice'])).not.toEqual([]);
  });

  test('lists the codes that a rejection can have', async () => {
    const { stdout } = await runKit(['list', '--codes']);
    expect(stdout.trim().split('\n')).toEqual([...REASON_CODES]);
  });

  test('explains a case: the sentence it rests on, its twin, the call and what is wanted', async () => {
    const { stdout } = await runKit(['explain', 'spiffe-id/choice/td-upper']);
    expect(stdout).toContain('The `host` part of the authority MUST be lowercase.');
    expect(stdout).toContain('control: spiffe-id/accept/td-and-path has to pass first');
    expect(stdout).toContain('call: id.parse {"id":"spiffe://Example.org/a"}');
    expect(stdout).toContain('"id.td.case"');
  });

  test('explains a case of behaviour: why, what it needs, what it is played with', async () => {
    const { stdout } = await runKit(['explain', 'rotation/swap/id-changes']);
    expect(stdout).toContain('why: a workload that is renamed gets an SVID of its new name');
    expect(stdout).toContain('What cannot be used never replaces what is in use, and is told.');
    expect(stdout).toContain('needs: sources:mount, layouts:split');
    expect(stdout).toContain('is played with source.open, source.get, source.wait');
    expect(stdout).toContain('may come to: followed, kept');
  });

  test('leaves out what takes seconds when it is told to be quick', async () => {
    const [all, quick] = [await ids(['--suite', 'rotation']), await ids(['--suite', 'rotation', '--quick'])];
    expect(quick.length).toBeLessThan(all.length);
    expect(quick).toContain('rotation/swap/id-changes');
    expect(quick).not.toContain('rotation/soak/kubelet-2ms');
  });
});

describe('a pattern of case ids', () => {
  test.each([
    ['spiffe-id/reject/*', 'spiffe-id/reject/port[name=empty]', true],
    ['spiffe-id/*', 'spiffe-id/reject/port', false],
    ['spiffe-id/**', 'spiffe-id/reject/port[name=empty]', true],
    ['spiffe-id/reject/port[name=empty]', 'spiffe-id/reject/port[name=empty]', true],
    ['spiffe-id/reject/port[name=empty]', 'spiffe-id/reject/portn', false],
    ['spiffe.id/reject/port', 'spiffe-id/reject/port', false],
    ['**/port', 'spiffe-id/reject/port', true],
  ])('%s and %s: %s', (pattern, id, fits) => {
    expect(casePattern(pattern)(id)).toBe(fits);
  });
});

describe('lines', () => {
  test('end at LF alone, whatever the chunks', () => {
    const splitter = new LineSplitter();
    const text = Buffer.from('{"a":"\u2028é"}\r\n\nlast');
    const lines = Array.from(text, (_, index) => splitter.push(text.subarray(index, index + 1))).flat();
    expect(lines.map(String)).toEqual(['{"a":"\u2028é"}', '']);
    expect(splitter.pending).toBe(4);
  });

  test('may be as long as the limit, and no byte longer', () => {
    const splitter = new LineSplitter(4);
    expect(splitter.push(Buffer.from('abcd\nab')).map(String)).toEqual(['abcd']);
    expect(splitter.isOver).toBe(false);
    expect(splitter.push(Buffer.from('cde')).map(String)).toEqual([]);
    expect(splitter.isOver).toBe(true);
    expect(splitter.push(Buffer.from('f\n'))).toEqual([]);
  });
});

describe('a verdict', () => {
  const base: Case = {
    id: 'a/b/c',
    rev: 1,
    since: '0',
    title: 't',
    level: 'must',
    spec: [],
    op: 'id.parse',
    params: {},
    time: { mode: 'any' },
    expect: { ok: { id: 'x', list: [1, { a: null }] } },
  };
  const options = { codes: 'warn', against: 'spec' } as const;
  const value = { id: 'x', list: [1, { a: null, more: 1 }], more: true };

  test('passes an answer that has more than was asked for', () => {
    expect(judge(base, { kind: 'ok', value }, options)).toEqual({ status: 'pass' });
  });

  test.each([
    [{ ...value, id: 'y' }, 'the answer.id: want "x", got "y"'],
    [{ list: value.list }, 'the answer.id: want "x", got nothing'],
    [{ ...value, list: [1] }, 'the answer.list: want 2 entries, got 1'],
    [{ ...value, list: { 0: 1 } }, 'the answer.list: want a list, got an object'],
    [{ ...value, list: [1, {}] }, 'the answer.list[1].a: want null, got nothing'],
    [{ ...value, list: [true, { a: null }] }, 'the answer.list[0]: want 1, got true'],
    [JSON.parse('{"__proto__":{"id":"x"},"list":[]}') as object, 'the answer.id: want "x", got nothing'],
  ])('fails %j', (answer, reason) => {
    expect(judge(base, { kind: 'ok', value: answer as never }, options)).toEqual({ status: 'fail', reason });
  });

  test('makes of another reason what it is told to', () => {
    const rejecting: Case = { ...base, expect: { reject: { codes: ['x509.expired'] } } };
    const outcome = { kind: 'reject', code: 'x509.untrusted' } as const;
    expect(judge(rejecting, outcome, options)).toMatchObject({ status: 'pass', codeMatched: false });
    expect(judge(rejecting, outcome, { ...options, codes: 'strict' })).toMatchObject({ status: 'fail' });
    expect(judge(rejecting, outcome, { ...options, codes: 'ignore' })).toEqual({ status: 'pass' });
    expect(
      judge(rejecting, { kind: 'reject', code: 'x509.expired' }, { ...options, codes: 'strict' }),
    ).toMatchObject({
      status: 'pass',
      codeMatched: true,
    });
  });

  test('records which way was taken, and wants the way of the reference when asked to', () => {
    const open: Case = {
      ...base,
      level: 'choice',
      expect: {
        anyOf: [
          { branch: 'refused', expect: { reject: { codes: ['id.scheme'] } } },
          { branch: 'folded', expect: { ok: { id: 'x' } } },
        ],
      },
      reference: { reject: { code: 'id.scheme' } },
    };
    const folded = { kind: 'ok', value: { id: 'x' } } as const;
    expect(judge(open, folded, options)).toEqual({ status: 'pass', branch: 'folded' });
    expect(judge(open, folded, { ...options, against: 'reference' })).toMatchObject({
      status: 'fail',
      branch: 'folded',
    });
    expect(judge(open, { kind: 'ok', value: { id: 'y' } }, options)).toMatchObject({ status: 'fail' });
    expect(judge(open, { kind: 'fault', message: 'm' }, options)).toMatchObject({ status: 'error' });
  });
});

async function ids(options: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runKit(['list', '--json', ...options]);
  return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
}
