import { type CaseResult, type Status } from '../run/result.ts';
import { type RequirementSet } from './requirement-set.ts';

/** What an implementation may say of itself. */
export interface Claim {
  readonly profile: string;
  /** The revision of the requirement set. */
  readonly requirements: string;
  readonly verdict: 'conformant' | 'non-conformant' | 'incomplete' | 'unsupported' | 'not-run';
  /** How many of its cases came to what. */
  readonly must: Readonly<Record<string, number>>;
}

/**
 * Holds results against a requirement set, profile by profile: `conformant` when every case passed, `unsupported` when
 * none could be asked, `incomplete` when some could not and the others passed. A known failure is a failure here.
 */
export function claimsOf(
  set: RequirementSet,
  results: readonly Pick<CaseResult, 'case' | 'status'>[],
): readonly Claim[] {
  const statuses = new Map(results.map((result) => [result.case, result.status] as const));
  return Object.entries(set.profiles).map(([profile, ids]) => {
    const counts = new Map<Status | 'not-run', number>();
    for (const id of ids) {
      const status = statuses.get(id) ?? 'not-run';
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    return {
      profile,
      requirements: set.revision,
      verdict: verdictOf(counts, ids.length),
      must: Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    };
  });
}

/** The profiles that are claimed, in one line: `core+jwt @ 2026-07`; undefined without one. */
export function claimText(
  claims: readonly { readonly profile: string; readonly requirements: string; readonly verdict: string }[],
): string | undefined {
  const conformant = claims.filter(({ verdict }) => verdict === 'conformant');
  const sets = Map.groupBy(conformant, ({ requirements }) => requirements);
  const texts = Array.from(
    sets,
    ([requirements, members]) => `${members.map(({ profile }) => profile).join('+')} @ ${requirements}`,
  );
  return texts.length === 0 ? undefined : texts.join(', ');
}

function verdictOf(counts: ReadonlyMap<Status | 'not-run', number>, total: number): Claim['verdict'] {
  const number = (status: Status | 'not-run'): number => counts.get(status) ?? 0;
  if (number('not-run') > 0 || total === 0) return 'not-run';
  if (number('pass') === total) return 'conformant';
  if (number('unsupported') === total) return 'unsupported';
  return number('pass') + number('unsupported') === total ? 'incomplete' : 'non-conformant';
}
