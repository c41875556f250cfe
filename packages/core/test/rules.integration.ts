import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, expect, test } from 'vitest';

import { ALL_SCENARIOS } from './corpus/all-scenarios.ts';
import { type Scenario, verdict } from './corpus/scenario.ts';
import { findRules, loadCore, type Rule } from './rules.ts';

/** Lower this only when a rule is taken out on purpose. */
const FEWEST_RULES = 145;

/** Rules behind which another one stands: without them the same is refused, for a reason that says less. */
const BACKED_UP = new Set([
  'bundles.known',
  'chain.not-empty',
  'der.definite-length',
  'der.length-octets',
  'key.exists',
  'key.label',
  'key.named-curve',
  'key.not-encrypted',
  'legacy.authorities',
  'svid.key-match',
]);

const folder = fileURLToPath(new URL('../../../node_modules/.cache/svidkit-rules/', import.meta.url));
const groups = Object.values(ALL_SCENARIOS);
const likeliest = new Map<string, readonly Scenario[]>();
const scenarios = groups.flat();
const rules = findRules();

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(`the sources have at least ${FEWEST_RULES} rules, each under a name of its own`, () => {
  expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  expect(rules.length).toBeGreaterThanOrEqual(FEWEST_RULES);
});

test('with every rule in place all scenarios are judged as they should be', async () => {
  const core = await loadCore(join(folder, String(process.pid), 'whole'));
  const wrong = scenarios.filter(
    (one) => verdict(core, one.bad) !== one.code || verdict(core, one.good) !== 'ok',
  );
  expect(wrong.map(({ title }) => title)).toEqual([]);
});

test.for(rules.map((rule, index) => ({ ...rule, index })))(
  'without the rule $name something is accepted',
  async (rule) => {
    expect(await effectOf(rule, rule.index)).toBe(BACKED_UP.has(rule.name) ? 'another reason' : 'accepted');
  },
);

/** What the corpus sees of a rule that is gone. */
async function effectOf(rule: Rule, index: number): Promise<'accepted' | 'another reason' | 'nothing'> {
  const core = await loadCore(join(folder, String(process.pid), String(index)), rule);
  let isSeen = false;
  const likely = likeliest.get(rule.file) ?? [];
  for (const group of [likely, ...groups.filter((one) => one !== likely)]) {
    for (const { bad, code } of group) {
      const got = verdict(core, bad);
      // Rules of one file tend to matter to the same scenarios, so those come first the next time.
      if (got === 'ok') likeliest.set(rule.file, group);
      if (got === 'ok') return 'accepted';
      isSeen ||= got !== code;
    }
  }
  return isSeen ? 'another reason' : 'nothing';
}
