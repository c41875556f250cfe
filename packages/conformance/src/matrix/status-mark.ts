import { isBad, isExecuted, type Status } from '../run/result.ts';

/** How a status is shown where there is room for one sign. */
export interface StatusMark {
  readonly sign: string;
  /** What the sign means, in words. */
  readonly word: string;
  /** The class of its colour. */
  readonly tone: 'good' | 'bad' | 'known' | 'open' | 'none';
}

/** A pass of a case that the standard leaves open. */
export const CHOICE_MARK: StatusMark = {
  sign: '◆',
  word: 'passed, one of several allowed ways',
  tone: 'open',
};

/** A case that was not part of the run. */
export const ABSENT_MARK: StatusMark = { sign: '·', word: 'not part of this run', tone: 'none' };

/** The sign of each status. */
export const STATUS_MARKS: Readonly<Record<Status, StatusMark>> = {
  pass: { sign: '✓', word: 'passed', tone: 'good' },
  fail: { sign: '✗', word: 'failed', tone: 'bad' },
  'known-fail': { sign: '▲', word: 'known to fail', tone: 'known' },
  'known-flaky': { sign: '△', word: 'known to be flaky', tone: 'known' },
  'unexpected-pass': { sign: '!', word: 'passed, and is listed as failing', tone: 'bad' },
  unsupported: { sign: '∅', word: 'not supported', tone: 'none' },
  skipped: { sign: '–', word: 'skipped: its control did not pass', tone: 'none' },
  error: { sign: 'E', word: 'a fault, or a breach of the protocol', tone: 'bad' },
  timeout: { sign: 'T', word: 'no answer in time', tone: 'bad' },
  crash: { sign: 'C', word: 'the process ended', tone: 'bad' },
};

/** What is no failure, the most telling first. */
const RANK: readonly Status[] = ['known-fail', 'known-flaky', 'pass', 'skipped', 'unsupported'];

/** What several cases come to together. */
export interface Tally {
  readonly mark: StatusMark;
  readonly passed: number;
  readonly executed: number;
  readonly total: number;
}

/** Sums up the results of one column; the sign is that of a failure, if there is one. */
export function tally(statuses: readonly (Status | undefined)[]): Tally {
  const present = statuses.filter((status) => status !== undefined);
  const telling = RANK.find((status) => present.includes(status));
  // Which way it failed is told case by case.
  const shown = present.some((status) => isBad(status)) ? 'fail' : telling;
  return {
    mark: shown === undefined ? ABSENT_MARK : STATUS_MARKS[shown],
    passed: present.filter((status) => status === 'pass').length,
    executed: present.filter((status) => isExecuted(status)).length,
    total: present.length,
  };
}
