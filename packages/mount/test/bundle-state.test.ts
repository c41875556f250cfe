import { SpiffeError, TrustDomain, X509Bundle } from '@svidkit/core';
import { createTestCa } from '@svidkit/testkit';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';

import { type BundleReading } from '../src/bundle-reading.ts';
import { BundleState } from '../src/bundle-state.ts';

const OWN = TrustDomain.parse('prod.example');
let ders: readonly Uint8Array[];

beforeAll(async () => {
  ders = await Promise.all(
    Array.from({ length: 3 }, async () => (await createTestCa({ trustDomain: 'prod.example' })).der),
  );
});

function reading(authorities: readonly number[] | 'broken' | 'missing', isWhole: boolean): BundleReading {
  const error = authorities === 'broken' ? new SpiffeError('ERR_PEM_INVALID', 'broken') : undefined;
  const list =
    typeof authorities === 'string' ? undefined : authorities.map((index) => ders[index] ?? new Uint8Array());
  return {
    trustDomain: OWN,
    path: '/mount/ca.crt',
    format: 'pem',
    bundle: list === undefined ? undefined : X509Bundle.fromDer(OWN, list),
    skipped: [],
    facts: undefined,
    error,
    isWhole,
  };
}

const what = fc.oneof(fc.constantFrom('broken' as const, 'missing' as const), fc.subarray([0, 1, 2]));

test('whatever is read, the own bundle never gets empty once it was not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(what, fc.integer({ min: 0, max: 3_000 }))),
      fc.boolean(),
      (reads, isAtomic) => {
        const state = new BundleState();
        let now = 0;
        state.apply(
          { readings: [reading([0], isAtomic)], warnings: [], map: undefined, isComplete: true, isAtomic },
          OWN,
          now,
        );
        for (const [read, laterMs] of reads) {
          now += laterMs;
          const { errors } = state.apply(
            { readings: [reading(read, isAtomic)], warnings: [], map: undefined, isComplete: true, isAtomic },
            OWN,
            now,
          );
          expect(state.set.require(OWN).isEmpty).toBe(false);
          // And whoever reads nothing good hears of it.
          expect(errors.length > 0).toBe(typeof read === 'string' || read.length === 0);
        }
      },
    ),
  );
});

test('where the writer is not atomic, no authority goes before it was missing twice, two seconds apart', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(what, fc.integer({ min: 0, max: 3_000 }))), (reads) => {
      const state = new BundleState();
      const missingSince = new Map<number, number>();
      let now = 0;
      const has = (index: number): boolean =>
        state.set
          .get(OWN)
          ?.authorities.some(({ der }) => Buffer.from(der).equals(ders[index] ?? Buffer.alloc(0))) === true;
      const apply = (read: readonly number[] | 'broken' | 'missing'): void => {
        const before = [0, 1, 2].filter(has);
        state.apply(
          {
            readings: [reading(read, false)],
            warnings: [],
            map: undefined,
            isComplete: true,
            isAtomic: false,
          },
          OWN,
          now,
        );
        for (const index of before) {
          const missingForMs = now - (missingSince.get(index) ?? now);
          expect(has(index) || missingForMs >= 2_000).toBe(true);
          if (typeof read === 'string' || read.includes(index)) missingSince.delete(index);
          else if (!missingSince.has(index)) missingSince.set(index, now);
        }
      };
      apply([0, 1, 2]);
      for (const [read, laterMs] of reads) {
        now += laterMs;
        apply(read);
      }
    }),
  );
});

test('what has not changed stays the same object', () => {
  const state = new BundleState();
  const apply = (order: readonly number[]): void =>
    void state.apply(
      { readings: [reading(order, true)], warnings: [], map: undefined, isComplete: true, isAtomic: true },
      OWN,
      0,
    );
  apply([0, 1]);
  const { set } = state;
  apply([1, 0]);
  expect(state.set).toBe(set);
  apply([1]);
  expect(state.set).not.toBe(set);
});
