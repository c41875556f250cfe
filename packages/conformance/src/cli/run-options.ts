import { usageFailure } from '../exit-code.ts';
import { type CodeMode } from '../run/judge.ts';
import { newSeed } from '../run/seeded-order.ts';
import { type Selection } from '../run/select-cases.ts';
import { type Level, LEVELS } from '../vectors/vector.ts';
import { type CommandLine, numberOf, oneOf, type OptionKind } from './command-line.ts';

/** The options that select cases, shared by `run` and `list`. */
export const SELECTION_KINDS: Readonly<Record<string, OptionKind>> = {
  suite: 'many',
  case: 'many',
  profile: 'many',
  level: 'many',
  shard: 'one',
  quick: 'flag',
};

/** The options of `run`. */
export const RUN_KINDS: Readonly<Record<string, OptionKind>> = {
  ...SELECTION_KINDS,
  seed: 'one',
  repeat: 'one',
  'timeout-factor': 'one',
  bail: 'one',
  isolation: 'one',
  codes: 'one',
  against: 'one',
  at: 'one',
  known: 'one',
  trace: 'one',
  evidence: 'one',
  keep: 'flag',
  json: 'one',
  junit: 'one',
  markdown: 'one',
  'no-fail': 'flag',
};

/** What `run` was asked to do. */
export interface RunOptions {
  readonly selection: Selection;
  /** The filters as they were typed. */
  readonly filters: readonly string[];
  readonly seed: string;
  readonly repeat: number;
  readonly timeoutFactor: number;
  /** After how many failures to stop. */
  readonly bail: number;
  readonly isolation: 'run' | 'case';
  readonly codes: CodeMode;
  readonly against: 'spec' | 'reference';
  readonly at: string | undefined;
  /** Where to put what was seen in cases that are played and do not pass. */
  readonly evidence: string | undefined;
  /** Whether directories of cases that are played stay. */
  readonly keep: boolean;
  /** Where to write every line that goes either way. */
  readonly trace: string | undefined;
  /** The file of known failures. */
  readonly known: string | undefined;
  readonly files: {
    readonly json?: string | undefined;
    readonly junit?: string | undefined;
    readonly markdown?: string | undefined;
  };
  readonly noFail: boolean;
}

/** @throws {@link KitFailure} (exit code 2). */
export function readRunOptions(line: CommandLine): RunOptions {
  const at = line.one('at');
  if (at !== undefined && (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(at) || Number.isNaN(Date.parse(at)))) {
    throw usageFailure('--at wants an instant such as 2049-12-31T00:00:00Z');
  }
  return {
    selection: readSelection(line),
    filters: Object.keys(SELECTION_KINDS).flatMap((name) =>
      line.many(name).map((value) => (value === '' ? `--${name}` : `--${name} ${value}`)),
    ),
    seed: line.one('seed') ?? newSeed(),
    repeat: numberOf(line, 'repeat', 1, true) ?? 1,
    timeoutFactor: numberOf(line, 'timeout-factor', 0.01, false) ?? 1,
    bail: numberOf(line, 'bail', 1, true) ?? Number.POSITIVE_INFINITY,
    isolation: oneOf(line, 'isolation', ['run', 'case']),
    codes: oneOf(line, 'codes', ['warn', 'ignore', 'strict']),
    against: oneOf(line, 'against', ['spec', 'reference']),
    at,
    trace: line.one('trace'),
    evidence: line.one('evidence'),
    keep: line.flag('keep'),
    known: line.one('known'),
    files: { json: line.one('json'), junit: line.one('junit'), markdown: line.one('markdown') },
    noFail: line.flag('no-fail'),
  };
}

/** @throws {@link KitFailure} (exit code 2). */
export function readSelection(line: CommandLine): Selection {
  const levels = line.many('level').map((given): Level => {
    const level = LEVELS.find((one) => one === given);
    if (level === undefined) throw usageFailure(`--level is one of ${LEVELS.join(', ')}`);
    return level;
  });
  return {
    suites: line.many('suite'),
    cases: line.many('case'),
    profiles: line.many('profile'),
    levels,
    shard: readShard(line.one('shard')),
    quick: line.flag('quick'),
  };
}

function readShard(given: string | undefined): Selection['shard'] {
  if (given === undefined) return undefined;
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(given) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  if (!(shard.index >= 1 && shard.index <= shard.of)) throw usageFailure('--shard wants a part such as 2/4');
  return shard;
}
