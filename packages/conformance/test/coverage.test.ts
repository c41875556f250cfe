import { describe, expect, test } from 'vitest';

import { allSuites } from '../src/all-suites.ts';
import { type CatalogueCoverage, type Clause, type ClauseFile, loadClauses } from '../src/coverage/clause.ts';
import { cover, type Cover } from '../src/coverage/cover.ts';
import { SPEC_COMMIT, specLink } from '../src/spec/spec-link.ts';
import { runKit } from './run-kit.ts';

const { file, catalogue } = loadClauses();

describe('the sentences of the standards', () => {
  test('have ids of their own, sections that there are, and rows or a reason', () => {
    expect(file.spec.commit).toBe(SPEC_COMMIT);
    const ids = file.clauses.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const lost = file.clauses.filter(({ doc, section }) => !(specLink(doc, section) ?? '').includes('#'));
    expect(lost).toEqual([]);
    const both = file.clauses.filter(({ rows, reason }) => (rows === undefined) === (reason === undefined));
    expect(both).toEqual([]);
    expect(ids.length).toBeGreaterThan(190);
  });

  test('that say MUST are covered, wait for a suite, or have a reason', async () => {
    const { exitCode, stdout, stderr } = await runKit(['coverage']);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^SPIFFE-ID\s+19\s+18\s+0\s+1\s+0$/m);
    // Those that wait are told, not hidden.
    const waiting = [...cover(file, catalogue)].flatMap(([clause, found]) =>
      found.kind === 'waiting' && clause.level.startsWith('MUST') ? [found.suites.join(', ')] : [],
    );
    expect(waiting.filter((suites) => !stdout.includes(`waiting for ${suites}: `))).toEqual([]);
  });

  test('are covered by cases that there are', async () => {
    const ids = new Set(allSuites().flatMap(({ cases }) => cases.map(({ id }) => id)));
    const { stdout } = await runKit(['coverage', '--json']);
    const rows = JSON.parse(stdout) as { readonly id: string; readonly cover: Cover }[];
    const cited = rows.flatMap((row) => (row.cover.kind === 'cases' ? row.cover.ids : []));
    expect(cited.filter((id) => !ids.has(id))).toEqual([]);
    expect(rows.find(({ id }) => id === 'X-11')?.cover).toMatchObject({
      kind: 'cases',
      ids: expect.arrayContaining(['x509-verify/leaf/ca-true']) as unknown,
    });
    const all = await runKit(['coverage', '--all']);
    expect(all.stdout).toContain('ID-18 SPIFFE-ID 2.3 SHOULD NOT ');
  });
});

describe('a sentence', () => {
  const open = { name: 'jwt-svid', from: 3, to: 4, finished: false };
  const done = { name: 'spiffe-id', from: 1, to: 2, finished: true };
  const rows = { '1': ['a/b/c'], '2': 'later: needs more', '3': 'later: needs tokens', '4': 'later: x' };
  const coverOf = (clause: Partial<Clause>, made: Partial<CatalogueCoverage> = {}): Cover | undefined => {
    const full: Clause = { id: 'A', doc: 'D', section: '1', level: 'MUST', text: 't', ...clause };
    const clauses: ClauseFile = { ...file, reasons: { issuer: 'binds others' }, clauses: [full] };
    return [...cover(clauses, { sections: [done, open], rows, ...made }).values()][0];
  };

  test('is covered by the cases of its rows, and waits only while none of them has any', () => {
    expect(coverOf({ rows: [1, 3] })).toEqual({ kind: 'cases', ids: ['a/b/c'] });
    expect(coverOf({ rows: [2, 3] })).toEqual({ kind: 'waiting', suites: ['jwt-svid'] });
    expect(coverOf({ reason: 'issuer' })).toEqual({ kind: 'reason', name: 'issuer', why: 'binds others' });
  });

  test('that nothing stands for is told: no rows, rows that came to nothing, a reason that is none', () => {
    expect(coverOf({ rows: [] })).toMatchObject({ kind: 'nothing', why: 'it names no row' });
    expect(coverOf({ rows: [2] })).toMatchObject({ kind: 'nothing', why: 'later: needs more' });
    expect(coverOf({ rows: [9] })).toMatchObject({ kind: 'nothing', why: 'later: no such row' });
    expect(coverOf({ reason: 'lazy' })).toMatchObject({ kind: 'nothing' });
    // A suite that is done has nothing left to wait for.
    const finished = [done, { ...open, finished: true }];
    expect(coverOf({ rows: [3] }, { sections: finished })).toMatchObject({ kind: 'nothing' });
  });
});
