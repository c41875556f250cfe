import { readFileSync } from 'node:fs';

import { usageFailure } from '../exit-code.ts';
import { isObject, type Json, type JsonObject, member, parseJson } from '../json.ts';
import { casePattern } from './case-pattern.ts';

/** One entry of a file of known failures. */
interface KnownFailure {
  readonly pattern: string;
  readonly status: 'fails' | 'flaky';
  readonly reason: string;
  readonly issue: string | undefined;
  /** The fingerprint of the outcome; any failure when undefined. */
  readonly observed: string | undefined;
}

/** What is known to fail, looked up by case. */
export type KnownFailures = (id: string) => KnownFailure | undefined;

const LEAST_REASON = 15;
const MOST_CASES = 20;
const MEMBERS = new Set(['case', 'status', 'reason', 'issue', 'observed', 'until', 'broad']);

/**
 * Reads a file of known failures and holds it against the cases there are.
 *
 * @param today - `2026-11-25`: entries that end before it have to be looked at.
 * @throws {@link KitFailure} (exit code 2) that names every entry that is wrong.
 */
export function readKnownFailures(file: string, ids: readonly string[], today: string): KnownFailures {
  const { known: entries } = readKnownDocument(file);
  const problems: string[] = [];
  const found = new Map<string, KnownFailure>();
  for (const [index, entry] of entries.entries()) {
    const known = readEntry(entry);
    const problem = typeof known === 'string' ? known : add(found, known, entry, ids, today);
    if (problem !== undefined) problems.push(`entry ${index + 1} ${problem}`);
  }
  if (problems.length > 0) throw usageFailure(`${file}: ${problems.join('; ')}`);
  return (id) => found.get(id);
}

/**
 * Reads a file of known failures without holding its entries against anything.
 *
 * @returns its entries, and its other members.
 * @throws {@link KitFailure} (exit code 2) when it is no such file.
 */
export function readKnownDocument(file: string): {
  readonly known: readonly Json[];
  readonly head: JsonObject;
} {
  let document: Json;
  try {
    document = parseJson(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usageFailure(`${file}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  if (!isObject(document) || member(document, 'format') !== 1) {
    throw usageFailure(`${file}: want an object with "format": 1`);
  }
  const { known, ...head } = document;
  if (typeof member(document, 'kit') !== 'string' || !Array.isArray(known)) {
    throw usageFailure(`${file}: want "kit" as a string and "known" as a list`);
  }
  const entries: readonly Json[] = known;
  return { known: entries, head };
}

function readEntry(entry: Json): KnownFailure | string {
  if (!isObject(entry)) return 'is no object';
  const stranger = Object.keys(entry).find((name) => !MEMBERS.has(name));
  if (stranger !== undefined) return `has the member ${JSON.stringify(stranger)}, which nobody knows`;
  const { pattern, status, reason } = {
    pattern: member(entry, 'case'),
    status: member(entry, 'status'),
    reason: member(entry, 'reason'),
  };
  if (typeof pattern !== 'string') return 'has no case';
  if (status !== 'fails' && status !== 'flaky') return 'has a status that is neither "fails" nor "flaky"';
  if (typeof reason !== 'string' || reason.length < LEAST_REASON) {
    return `has a reason of less than ${LEAST_REASON} characters`;
  }
  if (reason.startsWith('TODO')) return 'has a reason that is still to be written';
  const issue = member(entry, 'issue');
  const observed = member(entry, 'observed');
  return {
    pattern,
    status,
    reason,
    issue: typeof issue === 'string' ? issue : undefined,
    observed: typeof observed === 'string' ? observed : undefined,
  };
}

function add(
  found: Map<string, KnownFailure>,
  known: KnownFailure,
  entry: Json,
  ids: readonly string[],
  today: string,
): string | undefined {
  const fits = casePattern(known.pattern);
  const matches = ids.filter((id) => fits(id));
  const object: JsonObject = isObject(entry) ? entry : {};
  const until = member(object, 'until');
  if (matches.length === 0) return `matches no case: ${known.pattern}`;
  if (matches.length > MOST_CASES && member(object, 'broad') !== true) {
    return `matches ${matches.length} cases, which needs "broad": true`;
  }
  if (until !== undefined && (typeof until !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(until))) {
    return 'has an "until" that is no date';
  }
  if (typeof until === 'string' && until < today) return `was to be gone by ${until}`;
  const twice = matches.find((id) => found.has(id));
  if (twice !== undefined) return `matches ${twice}, which another entry matches too`;
  for (const id of matches) found.set(id, known);
  return undefined;
}
