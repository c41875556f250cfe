import { readFileSync } from 'node:fs';

import { test } from 'vitest';

import { type Capability, missing } from './capabilities.ts';
import { type Mode } from './open-reader.ts';
import { type ReaderFixture } from './reader-fixture.ts';
import { testFixture } from './test-fixture.ts';

const EXPECTED_SKIPS = JSON.parse(
  readFileSync(new URL('expected-skips.json', import.meta.url), 'utf8'),
) as Record<Capability, readonly number[]>;

/** What a scenario needs beyond files. */
export interface ScenarioOptions {
  /** What not every machine has; the scenario has to be in `expected-skips.json` under it. */
  readonly needs?: Capability;
  /** Where it makes no difference how changes are noticed: one of the two. */
  readonly modes?: readonly Mode[];
}

/**
 * Tests one of the numbered scenarios of mounted files, once with events of the file system and once by polling
 * alone. Title: what a user could check.
 */
export function scenario(
  id: number,
  title: string,
  run: (fixture: ReaderFixture) => Promise<void>,
  { needs, modes = ['inotify', 'poll'] }: ScenarioOptions = {},
): void {
  const reason = needs === undefined ? undefined : missing(needs);
  if (needs !== undefined && !EXPECTED_SKIPS[needs].includes(id)) {
    throw new Error(`scenario ${id} needs "${needs}", but expected-skips.json does not have it there`);
  }
  if (reason !== undefined) process.stderr.write(`skipped: scenario ${id} (${title}): ${reason}\n`);
  for (const mode of modes) {
    // oxlint-disable-next-line vitest/expect-expect -- they are in `run`
    test.skipIf(reason !== undefined)(`scenario ${id} (${mode}): ${title}`, async () => {
      const fixture = await testFixture(mode);
      await run(fixture);
    });
  }
}
