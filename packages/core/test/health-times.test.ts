import fc from 'fast-check';
import { expect, test } from 'vitest';

import { healthTimes, nextHealthTime, statusAt } from '../src/health-times.ts';

const MINUTE = 60_000;
const ORDER = ['fresh', 'overdue', 'critical', 'expired'];

test('an SVID of an hour is overdue after 50 minutes and critical after 54', () => {
  const times = healthTimes({ notBefore: 0, expiresAt: 60 * MINUTE });
  expect(times).toEqual({
    renewalAt: 40 * MINUTE,
    overdueAt: 50 * MINUTE,
    criticalAt: 54 * MINUTE,
    expiredAt: 60 * MINUTE + 1,
  });
  expect(statusAt(times, 50 * MINUTE)).toBe('fresh');
  expect(statusAt(times, 50 * MINUTE + 1)).toBe('overdue');
  expect(statusAt(times, 54 * MINUTE)).toBe('overdue');
  expect(statusAt(times, 54 * MINUTE + 1)).toBe('critical');
  // RFC 5280 4.1.2.5: the last instant is still inside.
  expect(statusAt(times, 60 * MINUTE)).toBe('critical');
  expect(statusAt(times, 60 * MINUTE + 1)).toBe('expired');
});

test('an SVID of a day has a tenth of its life before it is overdue', () => {
  const times = healthTimes({ notBefore: 0, expiresAt: 1_440 * MINUTE });
  expect(times.overdueAt).toBe((960 + 144) * MINUTE);
});

test('an SVID of seconds goes from fresh to critical', () => {
  const times = healthTimes({ notBefore: 0, expiresAt: 10_000 });
  expect([0, 8_999, 9_001, 10_001].map((now) => statusAt(times, now))).toEqual([
    'fresh',
    'fresh',
    'critical',
    'expired',
  ]);
});

test('health only gets worse as time goes by, and each change has its instant', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.integer({ min: -1e9, max: 1e9 }),
      (lifetime, notBefore) => {
        const times = healthTimes({ notBefore, expiresAt: notBefore + lifetime });
        let now: number | undefined = notBefore;
        let worst = 0;
        for (let steps = 0; now !== undefined && steps < 10; steps++) {
          const rank = ORDER.indexOf(statusAt(times, now));
          expect(rank).toBeGreaterThanOrEqual(worst);
          worst = rank;
          const next: number | undefined = nextHealthTime(times, now);
          expect(next ?? Infinity).toBeGreaterThan(now);
          now = next;
        }
        expect(worst).toBe(3);
      },
    ),
  );
});
