import { isObject, type Json, type JsonObject, member, textMember } from '../json.ts';
import { casePattern } from './case-pattern.ts';
import { type CaseResult, isBad } from './result.ts';

/** A file of known failures, brought up to date. */
export interface KnownUpdate {
  readonly known: readonly JsonObject[];
  /** What was done, one line each. */
  readonly changes: readonly string[];
}

/**
 * Brings a list of known failures up to date with a run of every case that knew of none.
 *
 * What fails as listed stays as it is; what passes goes; a pattern of which only some fail becomes those; what fails in
 * another way, or is new, gets a reason that begins with TODO, which the next run refuses until somebody has written it.
 */
export function updateKnown(entries: readonly Json[], results: readonly CaseResult[]): KnownUpdate {
  const failing = new Map(
    results.filter(({ status }) => isBad(status)).map((result) => [result.case, result] as const),
  );
  const known: JsonObject[] = [];
  const changes: string[] = [];
  const seen = new Set<string>();
  for (const entry of entries.filter((one) => isObject(one))) {
    const pattern = textMember(entry, 'case');
    const fits = casePattern(pattern);
    const matches = results.filter((result) => fits(result.case));
    if (matches.length === 0) {
      changes.push(`gone, it matches no case: ${pattern}`);
      continue;
    }
    const bad = matches.filter((result) => failing.has(result.case) && !seen.has(result.case));
    for (const result of matches) seen.add(result.case);
    if (member(entry, 'status') === 'flaky') {
      known.push(entry);
      continue;
    }
    if (bad.length === 0) {
      changes.push(`gone, it passes: ${pattern}`);
      continue;
    }
    const isWhole = bad.length === matches.length;
    if (!isWhole) changes.push(`${bad.length} of ${matches.length} still fail: ${pattern}`);
    const listed = member(entry, 'observed');
    const others = bad.filter((result) => listed !== undefined && observationOf(result) !== listed);
    if (isWhole && others.length === 0) known.push(entry);
    else for (const result of bad) known.push(narrowed(entry, result, others.includes(result), changes));
  }
  for (const [id, result] of failing) {
    if (seen.has(id)) continue;
    changes.push(`new: ${id}`);
    known.push({ case: id, status: 'fails', reason: todo(result.reason ?? ''), ...observed(result) });
  }
  return { known, changes };
}

/** The word of the outcome, as a list of known failures has it; undefined for what no outcome shows. */
function observationOf({ actual }: CaseResult): string | undefined {
  if (!isObject(actual)) return undefined;
  const [kind] = Object.keys(actual);
  const body = kind === undefined ? undefined : member(actual, kind);
  return kind === 'reject' && isObject(body) ? `reject:${textMember(body, 'code')}` : kind;
}

function narrowed(entry: JsonObject, result: CaseResult, isOther: boolean, changes: string[]): JsonObject {
  const { broad: _, ...rest } = entry;
  if (!isOther) return { ...rest, case: result.case };
  changes.push(`fails in another way: ${result.case}`);
  return {
    ...rest,
    case: result.case,
    reason: todo(`it was ${textMember(entry, 'observed')}: ${textMember(entry, 'reason')}`),
    ...observed(result),
  };
}

function observed(result: CaseResult): { readonly observed?: string } {
  const observation = observationOf(result);
  return observation === undefined ? {} : { observed: observation };
}

function todo(text: string): string {
  return `TODO say why: ${text}`.slice(0, 300);
}
