import { type SpiffeError } from '@svidkit/core';
import { mountFiles, renameWriter } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { BAD_INPUTS, type BadInput, CHANGED_TRUST_DOMAIN } from './bad-inputs.ts';
import { type ReaderFixture } from './reader-fixture.ts';
import { testFixture } from './test-fixture.ts';

async function goodMount({ ca, path }: ReaderFixture): Promise<void> {
  await renameWriter(path('mount'), { fileMode: 0o600 }).write(
    mountFiles.secret(await ca.issue({ path: '/good' }), ca),
  );
}

function expectToName(error: SpiffeError | undefined, { code, file }: BadInput, directory: string): void {
  expect(error).toMatchObject({
    name: 'SpiffeError',
    code,
    blame: 'environment',
    file: `${directory}/${file}`,
  });
  expect(error?.message).toContain(`${directory}/${file}`);
  expect(error?.hint).toMatch(/^[A-Z].*[.]$/s);
}

for (const input of [...BAD_INPUTS, CHANGED_TRUST_DOMAIN]) {
  test(`${input.name}: ${input.code}, and the last good generation goes on`, async () => {
    const fixture = await testFixture('poll');
    await goodMount(fixture);
    const reader = await fixture.open();
    const before = reader.source.current;
    await input.spoil(fixture, await fixture.ca.issue({ path: '/next' }));
    await reader.pass(12_000);
    await reader.pass(3_000);
    expect(reader.source.current.svid).toBe(before.svid);
    expect(reader.source.current.bundles).toBe(before.bundles);
    const told = reader.errors.filter(({ code }) => code === input.code);
    expect(told).toHaveLength(1);
    expectToName(told[0], input, fixture.path('mount'));
    const { lastError } = reader.source.health();
    // A warning stands in nobody's way, so it is no failure.
    expectToName(input.isWarning === true ? told[0] : lastError, input, fixture.path('mount'));
    expect(lastError === undefined).toBe(input.isWarning === true);
    expect(reader.source.health()).toMatchObject({ status: 'fresh', ready: true });
    expect(reader.source.health().problems.join()).toContain(input.file);

    // And heals.
    await goodMount(fixture);
    await reader.pass(12_000);
    expect(reader.source.health()).toMatchObject({ lastError: undefined, problems: [] });
  });
}

for (const input of BAD_INPUTS) {
  const what = input.isWarning === true ? 'is told' : 'fails at once with wait: 0';
  test(`${input.name} at the start: ${what}`, async () => {
    const fixture = await testFixture('poll');
    await goodMount(fixture);
    await input.spoil(fixture, await fixture.ca.issue({ path: '/next' }));
    const opening = fixture.open({
      wait: 0,
      layout: 'kubernetes-secret',
      files: { cert: 'tls.crt', key: 'tls.key', ca: 'ca.crt' },
    });
    if (input.isWarning === true) {
      const reader = await opening;
      expectToName(
        reader.errors.find(({ code }) => code === input.code),
        input,
        fixture.path('mount'),
      );
      return;
    }
    const error = (await opening.catch((caught: unknown) => caught)) as SpiffeError;
    expect(error).toMatchObject({
      code: 'ERR_SOURCE_TIMEOUT',
      file: `${fixture.path('mount')}/${input.file}`,
    });
    expect(error.message).toContain(`${fixture.path('mount')}/${input.file}`);
    expectToName(error.cause as SpiffeError, input, fixture.path('mount'));
    expect(fixture.clock.pending).toBe(0);
  });
}

test('a good mount opens with wait: 0 and has nothing to tell', async () => {
  const fixture = await testFixture('poll');
  await goodMount(fixture);
  const reader = await fixture.open({ wait: 0 });
  expect(reader.errors).toEqual([]);
  expect(reader.source.health()).toMatchObject({ status: 'fresh', problems: [] });
});
