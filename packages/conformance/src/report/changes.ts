import { isBad } from '../run/result.ts';
import { type ResultsFile } from './read-results.ts';
import { type RunReport } from './run-report.ts';

/** What is other than it was in an earlier run. Ids of cases, sorted. */
export interface Changes {
  readonly kit: string;
  readonly version: string;
  readonly fixed: readonly string[];
  readonly broken: readonly string[];
  /** Cases that the earlier run did not have. */
  readonly added: readonly string[];
  /** Cases of the earlier run that were not run now. */
  readonly gone: readonly string[];
  /** Where the standard leaves several ways open: another one than before. */
  readonly rerouted: readonly string[];
}

/** Holds a run against an earlier one. */
export function changesSince(baseline: ResultsFile, { results }: RunReport): Changes {
  const before = new Map(baseline.results.map((one) => [one.case, one] as const));
  const now = new Set(results.map((one) => one.case));
  const both = results.flatMap((one) => {
    const old = before.get(one.case);
    return old === undefined ? [] : [{ id: one.case, one, old }];
  });
  // What is known to fail is no failure of the run, and fails all the same.
  const passes = (status: (typeof results)[number]['status']): boolean => status === 'pass';
  const fails = (status: (typeof results)[number]['status']): boolean =>
    isBad(status) || status === 'known-fail';
  const ids = (list: typeof both): readonly string[] => list.map(({ id }) => id).toSorted();
  return {
    kit: baseline.kit,
    version: baseline.version,
    fixed: ids(both.filter(({ one, old }) => passes(one.status) && fails(old.status))),
    broken: ids(both.filter(({ one, old }) => fails(one.status) && !fails(old.status))),
    added: results
      .map((one) => one.case)
      .filter((id) => !before.has(id))
      .toSorted(),
    gone: [...before.keys()].filter((id) => !now.has(id)).toSorted(),
    rerouted: ids(
      both.filter(
        ({ one, old }) => one.branch !== undefined && old.branch !== undefined && one.branch !== old.branch,
      ),
    ),
  };
}

/** The changes by name, those that there are. */
export function changeList(changes: Changes): readonly (readonly [string, readonly string[]])[] {
  const { fixed, broken, added, gone, rerouted } = changes;
  const lists = [
    ['newly failing', broken],
    ['newly passing', fixed],
    ['another way taken', rerouted],
    ['new', added],
    ['not run any more', gone],
  ] as const;
  return lists.filter(([, list]) => list.length > 0);
}
