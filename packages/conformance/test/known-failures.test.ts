import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { readKnownFailures } from '../src/run/known-failures.ts';
import { loadSuites } from '../src/vectors/load-suites.ts';
import { temporaryDirectory } from './run-kit.ts';
import { schemaValidator } from './schema-validator.ts';

const ids = loadSuites().flatMap(({ cases }) => cases.map(({ id }) => id));
const GOOD = {
  case: 'spiffe-id/reject/port[name=empty]',
  status: 'fails',
  reason: 'the URL parser drops an empty port',
};

function read(...known: readonly object[]): ReturnType<typeof readKnownFailures> {
  return readKnownFailures(write({ format: 1, kit: '0.1.0', known }), ids, '2026-11-25');
}

function write(document: unknown): string {
  const file = join(temporaryDirectory(), 'known.json');
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return file;
}

describe('a file of known failures', () => {
  test('is looked up by case', () => {
    const known = read(GOOD, {
      ...GOOD,
      case: 'spiffe-id/reject/userinfo*',
      status: 'flaky',
      until: '2026-11-25',
    });
    expect(known(GOOD.case)).toMatchObject({ status: 'fails', reason: GOOD.reason });
    expect(known('spiffe-id/reject/userinfo[name=empty]')).toMatchObject({ status: 'flaky' });
    expect(known('spiffe-id/reject/empty')).toBeUndefined();
  });

  test.each([
    ['a pattern without a match', { case: 'spiffe-id/reject/nothing' }, /entry 1 matches no case/],
    ['a wide pattern', { case: 'spiffe-id/**' }, /matches 634 cases, which needs "broad": true/],
    ['a short reason', { reason: 'broken' }, /a reason of less than 15 characters/],
    ['a reason that is to be written', { reason: 'TODO find out why it fails' }, /still to be written/],
    ['an entry that is over', { until: '2026-11-24' }, /was to be gone by 2026-11-24/],
    ['a date that is none', { until: 'soon' }, /an "until" that is no date/],
    ['another status', { status: 'ignored' }, /neither "fails" nor "flaky"/],
    ['a member that nobody knows', { skip: true }, /the member "skip", which nobody knows/],
  ])('with %s is refused', (_what, change, message) => {
    expect(() => read({ ...GOOD, ...change })).toThrow(message);
  });

  test('takes a wide pattern that says that it is one', () => {
    expect(read({ ...GOOD, case: 'spiffe-id/**', broad: true })('spiffe-id/reject/empty')).toBeDefined();
  });

  test('names every entry that is wrong, and a case that is listed twice', () => {
    expect(() => read({}, GOOD, GOOD)).toThrow(
      /entry 1 has no case; entry 3 matches .* which another entry matches too/,
    );
  });

  test.each([
    '[]',
    '{"format":2,"kit":"1","known":[]}',
    '{"format":1,"known":[]}',
    '{',
    '{"format":1,"kit":"1","known":{}}',
  ])('is not %s', (text) => {
    expect(() => readKnownFailures(write(text), ids, '2026-11-25')).toThrow(
      expect.objectContaining({ exitCode: 2 }) as Error,
    );
  });

  test('is what its schema says', () => {
    const validate = schemaValidator('known');
    expect(validate({ format: 1, kit: '0.1.0', known: [GOOD] })).toBe(true);
    expect(validate({ format: 1, kit: '0.1.0', known: [{ ...GOOD, reason: 'short' }] })).toBe(false);
  });
});
