import { isObject, type Json } from '../json.ts';
import { type Level } from '../vectors/vector.ts';

/** Everything a case can come to. */
export const STATUSES = [
  'pass',
  'fail',
  'known-fail',
  'known-flaky',
  'unexpected-pass',
  'unsupported',
  'skipped',
  'error',
  'timeout',
  'crash',
] as const;

/** What a case came to. */
export type Status = (typeof STATUSES)[number];

/** The result of one case, as `schemas/results.v1.schema.json` has it. */
export interface CaseResult {
  readonly case: string;
  readonly rev: number;
  readonly level: Level;
  readonly status: Status;
  readonly branch?: string;
  /** Why it is what it is. */
  readonly reason?: string;
  readonly expected?: Json;
  readonly actual?: Json;
  /** Of a rejection that passed: whether it was for a reason that the case names. */
  readonly codeMatched?: boolean;
  readonly attempts?: number;
  /** The longest time that a change took to be in use, in milliseconds; of cases that are played. */
  readonly convergenceMs?: number;
  /** Milliseconds. */
  readonly ms: number;
  /** The folder with what happened. */
  readonly evidence?: string;
}

const BAD: ReadonlySet<Status> = new Set(['fail', 'error', 'timeout', 'crash', 'unexpected-pass']);

/** Whether a status fails the run. */
export function isBad(status: Status): boolean {
  return BAD.has(status);
}

/** Whether the case was executed. */
export function isExecuted(status: Status): boolean {
  return status !== 'unsupported' && status !== 'skipped';
}

/** Whether it was the kit that failed: nothing is known about the implementation then. */
export function isKitFailure({ status, actual }: Pick<CaseResult, 'status' | 'actual'>): boolean {
  return status === 'error' && isObject(actual) && Object.hasOwn(actual, 'kit');
}
