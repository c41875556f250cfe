import { describe, expect, test } from 'vitest';

import { allSuites } from '../src/all-suites.ts';
import { type Changes, changesSince } from '../src/report/changes.ts';
import { type ResultsFile } from '../src/report/read-results.ts';
import { type RunReport } from '../src/report/run-report.ts';
import { claimsOf, claimText } from '../src/requirements/claims.ts';
import { loadRequirements, REVISIONS } from '../src/requirements/requirement-set.ts';
import { type CaseResult, STATUSES } from '../src/run/result.ts';
import { updateKnown } from '../src/run/update-known.ts';

const result = (id: string, status: CaseResult['status'], more: Partial<CaseResult> = {}): CaseResult => ({
  case: id,
  rev: 1,
  level: 'must',
  status,
  ms: 0,
  ...more,
});

describe('a requirement set', () => {
  test.each(REVISIONS)('%s names cases that there are, each once, of level must, by profile', (revision) => {
    const { profiles } = loadRequirements(revision);
    const levels = new Map(allSuites().flatMap(({ cases }) => cases.map(({ id, level }) => [id, level])));
    const ids = Object.values(profiles).flat();
    expect(ids.filter((id) => levels.get(id) !== 'must')).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(profiles)).toContain('core');
    expect(ids.length).toBeGreaterThan(700);
  });
});

describe('a claim', () => {
  const set = {
    format: 1,
    revision: '2026-07',
    spec: { repo: '', commit: '' },
    profiles: { core: ['a', 'b'], jwt: ['c'] },
  } as const;
  const verdictOf = (...results: readonly CaseResult[]): string | undefined =>
    claimsOf(set, results).find(({ profile }) => profile === 'core')?.verdict;

  test('is of a profile whose every case passed; cases beside the set decide nothing', () => {
    const results = [result('a', 'pass'), result('b', 'pass'), result('later', 'fail')];
    expect(claimsOf(set, results)).toEqual([
      { profile: 'core', requirements: '2026-07', verdict: 'conformant', must: { pass: 2 } },
      { profile: 'jwt', requirements: '2026-07', verdict: 'not-run', must: { 'not-run': 1 } },
    ]);
    expect(claimText(claimsOf(set, [...results, result('c', 'pass')]))).toBe('core+jwt @ 2026-07');
    expect(claimText(claimsOf(set, []))).toBeUndefined();
  });

  test.each(STATUSES.filter((status) => status !== 'pass' && status !== 'unsupported'))(
    'is lost by one case that is %s',
    (status) => {
      expect(verdictOf(result('a', 'pass'), result('b', status))).toBe('non-conformant');
    },
  );

  test('is incomplete where something is not supported, and none where nothing is', () => {
    expect(verdictOf(result('a', 'pass'), result('b', 'unsupported'))).toBe('incomplete');
    expect(verdictOf(result('a', 'fail'), result('b', 'unsupported'))).toBe('non-conformant');
    expect(verdictOf(result('a', 'unsupported'), result('b', 'unsupported'))).toBe('unsupported');
    expect(verdictOf(result('a', 'pass'))).toBe('not-run');
  });
});

describe('the changes since an earlier run', () => {
  test('are told by what they are', () => {
    const before = [
      result('fixed', 'fail'),
      result('fixed-known', 'known-fail'),
      result('broken', 'pass'),
      result('broken-again', 'unsupported'),
      result('same', 'fail'),
      result('gone', 'pass'),
      result('way', 'pass', { branch: 'refused' }),
    ];
    const now = [
      result('fixed', 'pass'),
      result('fixed-known', 'pass'),
      result('broken', 'timeout'),
      result('broken-again', 'crash'),
      result('same', 'error'),
      result('added', 'pass'),
      result('way', 'pass', { branch: 'folded' }),
    ];
    const changes = changesSince(
      { kit: '0.1.0', version: '1', results: before } as unknown as ResultsFile,
      { results: now } as unknown as RunReport,
    );
    expect(changes).toEqual<Changes>({
      kit: '0.1.0',
      version: '1',
      fixed: ['fixed', 'fixed-known'],
      broken: ['broken', 'broken-again'],
      added: ['added'],
      gone: ['gone'],
      rerouted: ['way'],
    });
  });
});

describe('an update of known failures', () => {
  const crash = { actual: { crash: 'ended' } };
  const rejects = { actual: { reject: { code: 'x509.leaf.ca', message: 'm' } } };

  test('keeps what fails as listed, drops what passes, splits patterns and marks what is to be written', () => {
    const kept = { case: 's/kept/*', status: 'fails', reason: 'a reason that is kept', issue: 'https://i' };
    const flaky = { case: 's/flaky/a', status: 'flaky', reason: 'comes and goes on some machines' };
    const { known, changes } = updateKnown(
      [
        kept,
        flaky,
        { case: 's/passes/a', status: 'fails', reason: 'the library was wrong' },
        { case: 's/nothing/*', status: 'fails', reason: 'matches no case at all' },
        { case: 's/some/**', status: 'fails', reason: 'half of them fail', broad: true, observed: 'crash' },
        { case: 's/other/a', status: 'fails', reason: 'it used to crash here', observed: 'crash' },
      ],
      [
        result('s/kept/a', 'fail'),
        result('s/kept/b', 'crash', crash),
        result('s/flaky/a', 'pass'),
        result('s/passes/a', 'pass'),
        result('s/some/a', 'crash', crash),
        result('s/some/b', 'pass'),
        result('s/other/a', 'fail', rejects),
        result('s/new/a', 'fail', { ...rejects, reason: 'want ok, got a rejection' }),
      ],
    );
    expect(known).toEqual([
      kept,
      flaky,
      { case: 's/some/a', status: 'fails', reason: 'half of them fail', observed: 'crash' },
      {
        case: 's/other/a',
        status: 'fails',
        reason: 'TODO say why: it was crash: it used to crash here',
        observed: 'reject:x509.leaf.ca',
      },
      {
        case: 's/new/a',
        status: 'fails',
        reason: 'TODO say why: want ok, got a rejection',
        observed: 'reject:x509.leaf.ca',
      },
    ]);
    expect(changes).toEqual([
      'gone, it passes: s/passes/a',
      'gone, it matches no case: s/nothing/*',
      '1 of 2 still fail: s/some/**',
      'fails in another way: s/other/a',
      'new: s/new/a',
    ]);
  });
});
