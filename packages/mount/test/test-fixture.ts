import { onTestFinished } from 'vitest';

import { type Mode } from './open-reader.ts';
import { readerFixture, type ReaderFixture } from './reader-fixture.ts';

/** A fixture that goes away with the test. */
export async function testFixture(mode: Mode): Promise<ReaderFixture> {
  const fixture = await readerFixture(mode);
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  return fixture;
}
