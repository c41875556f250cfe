import { describe, expect, test } from 'vitest';

import { behaviourSuites } from '../src/behaviour/behaviour-suites.ts';

const cases = behaviourSuites().flatMap(({ suite, cases: all }) => all.map((one) => ({ suite, one })));
const ids = new Map(cases.map(({ one }) => [one.id, one] as const));

describe('the cases that are played', () => {
  test('have ids of the published form, each once', () => {
    for (const { suite, one } of cases) {
      expect(one.id).toMatch(/^[a-z0-9-]+(\/[a-z0-9.-]+){2,3}(\[[a-z0-9=,.-]+\])?$/);
      expect(one.id.startsWith(`${suite}/`)).toBe(true);
    }
    expect(ids.size).toBe(cases.length);
    expect(cases.length).toBeGreaterThan(240);
  });

  test('say what breaks without them, and quote the sentence that they rest on', () => {
    const bare = cases.filter(
      ({ one }) =>
        (one.why ?? '').length < 25 ||
        one.title.length > 120 ||
        one.spec.some(({ quote = '' }) => quote.length < 30),
    );
    expect(bare.map(({ one }) => one.id)).toEqual([]);
  });

  test('rest on the standard where they say must', () => {
    const wrong = cases.filter(
      ({ one }) => one.level === 'must' && one.spec.some(({ doc }) => doc === 'KIT'),
    );
    expect(wrong.map(({ one }) => one.id)).toEqual([]);
  });

  test('have controls that exist and need no more operations than they do', () => {
    for (const { one } of cases) {
      if (one.control === undefined) continue;
      const control = ids.get(one.control);
      expect(control, `${one.id} rests on ${one.control}`).toBeDefined();
      expect(control?.control, `${one.id}: its control has one too`).not.toBe(one.id);
      const own = new Set([one.op, ...(one.behaviour?.ops ?? [])]);
      const more = [control?.op ?? '', ...(control?.behaviour?.ops ?? [])].filter((op) => !own.has(op));
      expect(more, `${one.id} rests on ${one.control}`).toEqual([]);
    }
  });

  test('that are to refuse somebody have a control', () => {
    const bare = cases.filter(
      ({ one }) => /\/(?:reject|bad|parked|resume)\//.test(one.id) && one.control === undefined,
    );
    expect(bare.map(({ one }) => one.id)).toEqual(['mtls-client/resume/verify-again']);
  });
});
