import { usageFailure } from '../exit-code.ts';
import { PROFILE_OF } from '../vectors/load-suites.ts';
import { type Case, type Level, type VectorFile } from '../vectors/vector.ts';
import { casePattern } from './case-pattern.ts';

/** Which cases to run; an empty list stands for all. */
export interface Selection {
  readonly suites: readonly string[];
  /** Patterns of case ids. */
  readonly cases: readonly string[];
  readonly profiles: readonly string[];
  readonly levels: readonly Level[];
  /** Part `index` of `of` parts, counted from one. */
  readonly shard: { readonly index: number; readonly of: number } | undefined;
  /** Whether cases that take seconds are left out. */
  readonly quick: boolean;
}

/** A case and the suite it is of. */
export interface SelectedCase {
  readonly suite: string;
  readonly profile: string;
  readonly case: Case;
}

/** Whether nothing is left out. */
export function isWhole({ suites, cases, profiles, levels, shard, quick }: Selection): boolean {
  return (
    [suites, cases, profiles, levels].every((list) => list.length === 0) && shard === undefined && !quick
  );
}

/**
 * Selects cases. Withdrawn ones are never run.
 *
 * @throws {@link KitFailure} (exit code 2) for a name or a pattern that matches nothing.
 */
export function selectCases(files: readonly VectorFile[], selection: Selection): readonly SelectedCase[] {
  const all = files.flatMap(({ suite, cases }) =>
    cases
      .filter((one) => !('withdrawn' in one))
      .map((one): SelectedCase => ({ suite, profile: PROFILE_OF[suite] ?? suite, case: one })),
  );
  requireAll('suite', selection.suites, new Set(files.map(({ suite }) => suite)));
  requireAll('profile', selection.profiles, new Set(all.map(({ profile }) => profile)));
  const patterns = selection.cases.map((pattern) => {
    const fits = casePattern(pattern);
    if (!all.some((one) => fits(one.case.id))) throw usageFailure(`no case fits ${pattern}`);
    return fits;
  });
  const chosen = all.filter(
    (one) =>
      !(selection.quick && one.case.behaviour?.isLong === true) &&
      isIn(selection.suites, one.suite) &&
      isIn(selection.profiles, one.profile) &&
      isIn(selection.levels, one.case.level) &&
      (patterns.length === 0 || patterns.some((fits) => fits(one.case.id))),
  );
  const { shard } = selection;
  return shard === undefined ? chosen : chosen.filter((_, index) => index % shard.of === shard.index - 1);
}

function isIn<T>(list: readonly T[], one: T): boolean {
  return list.length === 0 || list.includes(one);
}

function requireAll(what: string, names: readonly string[], known: ReadonlySet<string>): void {
  for (const name of names) {
    if (!known.has(name))
      throw usageFailure(`there is no ${what} ${JSON.stringify(name)}; there is ${[...known].join(', ')}`);
  }
}
