import { EXIT, KitFailure, usageFailure } from '../exit-code.ts';
import { ownFile } from '../own-file.ts';

/** What an implementation has to pass to claim a profile, as it was when a revision of the standards came out. */
export interface RequirementSet {
  readonly format: 1;
  /** The month of the revision: `2026-07`. */
  readonly revision: string;
  readonly spec: { readonly repo: string; readonly commit: string };
  /** Ids of cases, by profile. Cases that are not in it run, and decide nothing. */
  readonly profiles: Readonly<Record<string, readonly string[]>>;
}

/** The revisions there are sets for, the newest last. */
export const REVISIONS = ['2026-07'] as const;

/** The newest of them. */
export const NEWEST_REVISION: string = REVISIONS.at(-1) ?? '';

/**
 * Reads the frozen set of a revision, which lies beside the program.
 *
 * @throws {@link KitFailure} exit code 2 for a revision that there is no set for.
 */
export function loadRequirements(revision: string): RequirementSet {
  if (!REVISIONS.some((one) => one === revision))
    throw usageFailure(
      `there are no requirements ${JSON.stringify(revision)}; there is ${REVISIONS.join(', ')}`,
    );
  const text = ownFile(`requirements/${revision}.json`);
  const set: unknown = text === undefined ? undefined : JSON.parse(text);
  if (isRequirementSet(set)) return set;
  throw new KitFailure(EXIT.kit, `the requirements ${revision} are not beside this program`);
}

// Our own data, held to its form by the tests.
function isRequirementSet(value: unknown): value is RequirementSet {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === 1;
}
