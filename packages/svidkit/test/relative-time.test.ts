import { describe, expect, test } from 'vitest';

import { absoluteAndRelative, relativeTime } from '../src/relative-time.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('relativeTime', () => {
  test.for([
    [0, 'now'],
    [999, 'now'],
    [-999, 'now'],
    [1 * SECOND, 'in 1 second'],
    [-1 * SECOND, '1 second ago'],
    [119 * SECOND, 'in 119 seconds'],
    [2 * MINUTE, 'in 2 minutes'],
    [48 * MINUTE + 59 * SECOND, 'in 48 minutes'],
    [-119 * MINUTE, '119 minutes ago'],
    [47 * HOUR, 'in 47 hours'],
    [2 * DAY, 'in 2 days'],
    [-400 * DAY, '400 days ago'],
    [3649 * DAY, 'in 9 years'],
  ] as const)('says of %i ms: %s', ([distance, expected]) => {
    expect(relativeTime(1_800_000_000_000 + distance, 1_800_000_000_000)).toBe(expected);
  });
});

test('an instant is shown in UTC and as seen from now', () => {
  const now = Date.parse('2026-11-23T08:12:00.000Z');
  expect(absoluteAndRelative('2026-11-23T09:00:00.000Z', now)).toBe('2026-11-23 09:00:00 UTC, in 48 minutes');
});
