import { readdirSync, readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import expectedSkips from './expected-skips.json' with { type: 'json' };

const sources = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.startsWith('scenarios-'))
  .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'));
const all = sources.join('\n');

/** The numbers of the scenarios that need `capability`, as the sources say. */
function needing(capability: string): readonly number[] {
  const calls = all.split(/^\s*(?=scenario\()/m).slice(1);
  const byCall = calls
    .filter((call) => call.includes(`needs: '${capability}'`))
    .map((call) => Number(/\d+/.exec(call)?.[0]));
  const byProbe = sources
    .filter(
      (source) =>
        source.includes(`missing('${capability}')`) || source.includes(`NEEDS: Capability = '${capability}'`),
    )
    .flatMap((source) => {
      const listed = [...source.matchAll(/^ {2}\[\s*(\d+),/gm)].map(([, id]) => Number(id));
      const named = [...source.matchAll(/skipped: scenario (\d+) \(/g)].map(([, id]) => Number(id));
      return [...listed, ...named];
    });
  return [...new Set([...byCall, ...byProbe])].toSorted((a, b) => a - b);
}

test('each of the fifty scenarios has a test', () => {
  const ids = new Set([
    ...[...all.matchAll(/scenario\(\s*(\d+),/g)].map(([, id]) => Number(id)),
    ...[...all.matchAll(/^ {2}\[\s*(\d+),/gm)].map(([, id]) => Number(id)),
    ...[...all.matchAll(/scenario (\d+)/g)].map(([, id]) => Number(id)),
  ]);
  expect([...ids].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
});

test.each(Object.entries(expectedSkips))(
  'what is skipped without "%s" is what is checked in',
  (capability, ids) => {
    expect(needing(capability)).toEqual(ids);
  },
);

test('nothing is skipped in any other way', () => {
  const known = Object.keys(expectedSkips);
  expect(all).not.toMatch(/\.(?:skip|todo|only|runIf)\b/);
  for (const [, capability] of all.matchAll(/needs: '([^']+)'/g)) expect(known).toContain(capability);
  for (const [, capability] of all.matchAll(/missing\('([^']+)'\)/g)) expect(known).toContain(capability);
});
