import { usageFailure } from '../exit-code.ts';
import { NEWEST_REVISION } from '../requirements/requirement-set.ts';
import { type CodeMode } from '../run/judge.ts';
import { newSeed } from '../run/seeded-order.ts';
import { isWhole, type Selection } from '../run/select-cases.ts';
import { type Level, LEVELS } from '../vectors/vector.ts';
import { type CommandLine, numberOf, oneOf, type OptionKind, socketOf } from './command-line.ts';

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
  transport: 'one',
  bail: 'one',
  isolation: 'one',
  codes: 'one',
  against: 'one',
  at: 'one',
  known: 'one',
  outside: 'many',
  requirements: 'one',
  claim: 'many',
  baseline: 'one',
  trace: 'one',
  stream: 'one',
  evidence: 'one',
  keep: 'flag',
  json: 'one',
  junit: 'one',
  markdown: 'one',
  html: 'one',
  badge: 'many',
  'step-summary': 'flag',
  'no-fail': 'flag',
};

/** What `run` was asked to do. */
export interface RunOptions {
  readonly selection: Selection;
  /** The filters as they were typed. */
  readonly filters: readonly string[];
  /** Test data of others to run in place of the kit's cases: `limbo:PATH`. */
  readonly outside: readonly string[];
  /** Whether every case is run as it is: what a claim needs. */
  readonly full: boolean;
  readonly seed: string;
  readonly repeat: number;
  readonly timeoutFactor: number;
  /** The Unix socket that the adapter is to be reached by. Default: its standard streams. */
  readonly socket: string | undefined;
  /** After how many failures to stop. */
  readonly bail: number;
  readonly isolation: 'run' | 'case';
  readonly codes: CodeMode;
  readonly against: 'spec' | 'reference';
  readonly at: string | undefined;
  /** The file of known failures. */
  readonly known: string | undefined;
  /** The revision of the requirement set that claims are about. */
  readonly requirements: string;
  /** Profiles that have to be conformant. */
  readonly claim: readonly string[];
  /** Results of an earlier run, to tell what is other now. */
  readonly baseline: string | undefined;
  /** Whether to keep evidence of what passed, too, and the directories of cases that are played. */
  readonly keep: boolean;
  /** Where to write what. */
  readonly files: {
    /** Every line that goes either way. */
    readonly trace?: string | undefined;
    /** Results as they come. */
    readonly stream?: string | undefined;
    /** A folder for each case that failed. */
    readonly evidence?: string | undefined;
    readonly json?: string | undefined;
    readonly junit?: string | undefined;
    readonly markdown?: string | undefined;
    /** A page with every case. */
    readonly html?: string | undefined;
    readonly badges: readonly string[];
  };
  /** Whether to append to the summary of a job of GitHub Actions. */
  readonly stepSummary: boolean;
  readonly noFail: boolean;
}

/** @throws {@link KitFailure} (exit code 2). */
export function readRunOptions(line: CommandLine): RunOptions {
  const at = line.one('at');
  if (at !== undefined && (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(at) || Number.isNaN(Date.parse(at)))) {
    throw usageFailure('--at wants an instant such as 2049-12-31T00:00:00Z');
  }
  const selection = readSelection(line);
  const outside = line.many('outside');
  const full = isWhole(selection) && at === undefined && outside.length === 0;
  const [claim, badges] = [line.many('claim'), line.many('badge')];
  for (const badge of badges)
    if (!/\.(?:json|svg)$/.test(badge))
      throw usageFailure('--badge wants a file that ends with .json or .svg');
  if (!full && claim.length + badges.length > 0)
    throw usageFailure('--claim and --badge need a run of every case, without filters and without --at');
  const [evidence, keep] = [line.one('evidence'), line.flag('keep')];
  if (keep && evidence === undefined) throw usageFailure('--keep needs --evidence, which says where');
  return {
    selection,
    filters: [...Object.keys(SELECTION_KINDS), 'outside'].flatMap((name) =>
      line.many(name).map((value) => (value === '' ? `--${name}` : `--${name} ${value}`)),
    ),
    outside,
    full,
    seed: line.one('seed') ?? newSeed(),
    repeat: numberOf(line, 'repeat', 1, true) ?? 1,
    timeoutFactor: numberOf(line, 'timeout-factor', 0.01, false) ?? 1,
    socket: socketOf(line),
    bail: numberOf(line, 'bail', 1, true) ?? Number.POSITIVE_INFINITY,
    isolation: oneOf(line, 'isolation', ['run', 'case']),
    // Data of others have no codes.
    codes: outside.length > 0 ? 'ignore' : oneOf(line, 'codes', ['warn', 'ignore', 'strict']),
    against: oneOf(line, 'against', ['spec', 'reference']),
    at,
    known: line.one('known'),
    requirements: line.one('requirements') ?? NEWEST_REVISION,
    claim,
    baseline: line.one('baseline'),
    keep,
    files: {
      trace: line.one('trace'),
      stream: line.one('stream'),
      evidence,
      json: line.one('json'),
      junit: line.one('junit'),
      markdown: line.one('markdown'),
      html: line.one('html'),
      badges,
    },
    stepSummary: line.flag('step-summary'),
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
