// `node --expose-gc hold-sources.ts ROOT COUNT WATCH` opens ROOT/0 to ROOT/COUNT-1, waits, and prints what that cost.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { type MountedX509Source, openMountedX509Source } from '@svidkit/mount';

import { type HeldSources } from './sources.ts';

const [root = '', count = '0', watch] = process.argv.slice(2);
const sources = Number(count);
const IN_FLIGHT = 16;
/** Until what opening left behind is done, the first poll of each included. */
const SETTLE_MS = 12_000;
/** Three polls of each. */
const IDLE_MS = 30_000;

// One source first, so that code that is loaded once counts for none.
const first = await open(0);
await collect();
const before = process.memoryUsage();
const begun = performance.now();
const opened: MountedX509Source[] = [];
let next = 1;
await Promise.all(
  Array.from({ length: IN_FLIGHT }, async () => {
    for (let i = next++; i < sources; i = next++) opened.push(await open(i));
  }),
);
const openSeconds = (performance.now() - begun) / 1000;

await pause(SETTLE_MS);
const cpu = process.cpuUsage();
const since = performance.now();
await pause(IDLE_MS);
const { user, system } = process.cpuUsage(cpu);
const idlePercent = ((user + system) / 1000 / (performance.now() - since)) * 100;

await collect();
const after = process.memoryUsage();
const each = (bytes: number): number => bytes / 1024 / opened.length;
const unusable = [first, ...opened].filter((source) => source.health().status !== 'fresh');
if (unusable.length > 0) throw new Error(`${unusable.length} sources are not fresh`);
const held: HeldSources = {
  kibEach: each(after.rss - before.rss),
  heapKibEach: each(after.heapUsed - before.heapUsed),
  idlePercent,
  openSeconds,
};
process.stdout.write(JSON.stringify(held));
await Promise.all([first, ...opened].map((source) => source.close()));

function open(i: number): Promise<MountedX509Source> {
  return openMountedX509Source({ directory: join(root, String(i)), watch: watch === 'true' });
}

/** Twice, and with pauses: finalizers of native objects run in between. */
async function collect(): Promise<void> {
  for (let i = 0; i < 2; i += 1) {
    globalThis.gc?.();
    await pause(100);
  }
}
