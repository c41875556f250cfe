import { type Json } from '../src/json.ts';
import { SPEC_COMMIT } from '../src/spec/spec-link.ts';
import { type Case, type VectorFile } from '../src/vectors/vector.ts';
import { askReference } from './ask-reference.ts';
import { type Draft } from './draft.ts';

/** The release that cases came with which do not say otherwise. */
export const SINCE = '0.1.0';

/** A suite as it is written down. */
export interface SuiteDraft {
  readonly suite: string;
  readonly drafts: readonly Draft[];
  /** Per certificate, by SHA-256 of its DER, how it was made. */
  readonly recipes?: ReadonlyMap<string, Json>;
}

/**
 * Makes the vector file of each suite: cases sorted by id, members in a fixed order, with what the reference answers. It
 * is asked once, about all of them.
 */
export function renderSuites(suites: readonly SuiteDraft[]): readonly VectorFile[] {
  const sorted = suites.map((suite) => ({ ...suite, cases: casesOf(suite) }));
  const answers = askReference(sorted.flatMap(({ cases }) => cases));
  return sorted.map(({ suite, recipes, cases }) => ({
    format: 1,
    kit: SINCE,
    suite,
    spec: { repo: 'https://github.com/spiffe/spiffe', commit: SPEC_COMMIT },
    ...(recipes === undefined || recipes.size === 0
      ? {}
      : { recipes: Object.fromEntries([...recipes].toSorted(([a], [b]) => (a < b ? -1 : 1))) }),
    cases: cases.map((one) => {
      const reference = answers.get(one.id);
      return reference === undefined ? one : { ...one, reference };
    }),
  }));
}

function casesOf({ suite, drafts }: SuiteDraft): readonly Case[] {
  const cases = drafts.map((draft) => toCase(suite, draft)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const [index, one] of cases.entries()) {
    if (cases[index + 1]?.id === one.id) throw new Error(`two cases are called ${one.id}`);
  }
  return cases;
}

/** The text of a vector file: one line for each case and recipe, so that a change shows as what it is. */
export function vectorText(file: VectorFile): string {
  const { recipes, cases, ...head } = file;
  const lines = [JSON.stringify(head).slice(0, -1)];
  if (recipes !== undefined) {
    const rows = Object.entries(recipes).map(
      ([key, recipe]) => `${JSON.stringify(key)}:${JSON.stringify(recipe)}`,
    );
    lines.push(`,"recipes":{\n${rows.join(',\n')}\n}`);
  }
  lines.push(`,"cases":[\n${cases.map((one) => JSON.stringify(one)).join(',\n')}\n]}\n`);
  return lines.join('');
}

function toCase(suite: string, draft: Draft): Case {
  const {
    id,
    since = SINCE,
    supersedes,
    title,
    why,
    level,
    spec,
    features,
    op,
    params,
    secrets,
    at,
    deadlineMs,
    control,
    expect,
  } = draft;
  return {
    id: `${suite}/${id}`,
    rev: 1,
    since,
    ...(supersedes === undefined ? {} : { supersedes: `${suite}/${supersedes}` }),
    title,
    ...(why === undefined ? {} : { why }),
    level,
    spec,
    ...(features === undefined ? {} : { features }),
    op,
    params,
    ...(secrets === undefined ? {} : { secrets }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    time: at === undefined ? { mode: 'any' } : { mode: 'fixed', at },
    ...(control === undefined ? {} : { control: `${suite}/${control}` }),
    expect,
  };
}
