import { type Case, type Level, type SpecReference } from '../vectors/vector.ts';
import { type Script } from './script.ts';

/** A case that is played, as its suite writes it down. */
export interface BehaviourDraft {
  /** The row of the catalogue that it belongs to. */
  readonly row: number;
  /** Without the suite: `swap/leaf-and-key[writer=kubelet]`. */
  readonly id: string;
  readonly title: string;
  /** The release that it comes with. Default: the first. */
  readonly since?: string;
  /** The case whose place it takes, without the suite. */
  readonly supersedes?: string;
  /** What breaks in production when this is wrong. */
  readonly why: string;
  readonly level: Level;
  readonly spec: SpecReference;
  /** The operations that it needs, the one that matters first. */
  readonly ops: readonly [string, ...string[]];
  readonly features?: readonly string[];
  /** The case without the suite, or with one, whose pass this one rests on. */
  readonly control?: string;
  /** Of a `choice`: what may come of it. */
  readonly branches?: readonly [string, string, ...string[]];
  /** Whether it takes seconds. */
  readonly long?: true;
  readonly script: Script;
}

/** Makes a case of a draft. */
export function behaviourCase(suite: string, draft: BehaviourDraft): Case {
  const {
    row,
    id,
    since = '0.1.0',
    supersedes,
    title,
    why,
    level,
    spec,
    ops,
    features,
    control,
    branches,
    long = false,
    script,
  } = draft;
  const [op, ...others] = ops;
  return {
    id: `${suite}/${id}`,
    rev: 1,
    since,
    ...(supersedes === undefined ? {} : { supersedes: `${suite}/${supersedes}` }),
    title,
    why,
    level,
    spec: [spec],
    ...(features === undefined ? {} : { features }),
    op,
    params: {},
    time: { mode: 'any' },
    ...(control === undefined
      ? {}
      : { control: control.startsWith('/') ? control.slice(1) : `${suite}/${control}` }),
    expect:
      branches === undefined
        ? { ok: { done: true } }
        : { anyOf: branches.map((branch) => ({ branch, expect: { ok: { branch } } })) },
    behaviour: { row, ops: others, isLong: long, script },
  };
}
