// A program for a user namespace of its own, whose limit of watches it sets.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { kubeletWriter } from '@svidkit/testkit';

import { readerFixture } from './reader-fixture.ts';

const LIMIT = '/proc/sys/user/max_inotify_watches';
const BOUND_MS = 10_000;

const fixture = await readerFixture('inotify');
const { clock, open, path, secret } = fixture;

async function until(what: string, isDone: () => boolean): Promise<void> {
  for (const end = performance.now() + BOUND_MS; performance.now() < end; await sleep(5)) {
    if (isDone()) return;
  }
  assert.fail(`waited in vain until ${what}`);
}

await writeFile(LIMIT, '0');
const writer = kubeletWriter(path('mount'));
await writer.write(await secret({ path: '/0' }));
const reader = await open({ pollIntervalMs: 10_000 });
await until('watching has failed', () => reader.source.watchMode() === 'poll');
assert.match(reader.source.health().problems.join(), /no events of the file system \(ENOSPC\)/);

await writer.write(await secret({ path: '/1' }));
clock.advance(12_000);
await reader.source.check();
assert.equal(reader.source.current.svid.id.path, '/1');

await writeFile(LIMIT, '1000');
clock.advance(120_000);
await reader.source.check();
await until('it watches again', () => reader.source.watchMode() === 'inotify');
const files = await secret({ path: '/2' });
const { svid } = await reader.update(() => writer.write(files));
assert.equal(svid.id.path, '/2');
process.stdout.write('done\n');
await fixture[Symbol.asyncDispose]();
