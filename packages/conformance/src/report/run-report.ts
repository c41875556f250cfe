import { type Hello } from '../protocol/capabilities.ts';
import { type Claim } from '../requirements/claims.ts';
import { type CaseResult, isBad, isExecuted, STATUSES, type Status } from '../run/result.ts';
import { type SelectedCase } from '../run/select-cases.ts';

/** Everything that a run found out: what reports are made of. */
export interface RunReport {
  readonly kit: string;
  readonly hello: Hello;
  /** RFC 3339. */
  readonly started: string;
  readonly durationMs: number;
  readonly seed: string;
  readonly filters: readonly string[];
  /** Whether every case of the kit was selected, and judged as it is. */
  readonly full: boolean;
  /** Whether the run was cut short. */
  readonly partial: boolean;
  readonly results: readonly (CaseResult & { readonly selected: SelectedCase })[];
  /** The revision of the requirement set that the claims are about. */
  readonly requirements: string;
  /** Empty for a part of the kit. */
  readonly claims: readonly Claim[];
  /** What the adapter did wrong outside of any case, one sentence each. */
  readonly remarks: readonly string[];
}

/** How many cases came to each status; only those that occurred. */
export function countStatuses(results: readonly CaseResult[]): ReadonlyMap<Status, number> {
  const counts = new Map<Status, number>();
  for (const status of STATUSES) {
    const number = results.filter((result) => result.status === status).length;
    if (number > 0) counts.set(status, number);
  }
  return counts;
}

/** The results that fail the run. A case that was skipped counts where its control does not. */
export function badResults(results: readonly CaseResult[]): readonly CaseResult[] {
  const known = new Set(results.filter(({ status }) => status !== 'skipped').map((result) => result.case));
  return results.filter(
    ({ status, reason }) => isBad(status) || (status === 'skipped' && !isAboutOneOf(known, reason)),
  );
}

/** How many cases were executed. */
export function executedCount(results: readonly CaseResult[]): number {
  return results.filter(({ status }) => isExecuted(status)).length;
}

function isAboutOneOf(known: ReadonlySet<string>, reason: string | undefined): boolean {
  const control = /^control failed: (\S+) /.exec(reason ?? '')?.[1];
  return control !== undefined && known.has(control);
}
