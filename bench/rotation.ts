// From the last write of a rotation (the swap of `..data`) to the new context of a listening server, in this process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { authorizeAny } from '@svidkit/core';
import { openMountedX509Source } from '@svidkit/mount';
import { createTestCa, kubeletWriter, mountFiles } from '@svidkit/testkit';
import { createTlsServer } from '@svidkit/tls';

import { quantile } from './statistics.ts';

/** Latencies of one way to notice. */
export interface RotationResult {
  readonly name: string;
  readonly rotations: number;
  readonly p50: number;
  readonly p99: number;
  readonly bars: { readonly p50?: number; readonly p99: number };
  readonly met: boolean;
}

/** Measures with inotify and with polling alone. */
export async function benchRotation(
  rotations: number,
  report: (line: string) => void,
): Promise<RotationResult[]> {
  const pollMs = 200;
  const results: RotationResult[] = [];
  for (const watch of [true, false]) {
    const latencies = await measure(watch ? rotations : Math.ceil(rotations / 4), watch, pollMs);
    const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
    const bars = watch ? { p50: 60, p99: 250 } : { p99: 1.2 * pollMs + 200 };
    const result: RotationResult = {
      name: watch ? 'rotation to new context, inotify' : `rotation to new context, poll only (${pollMs} ms)`,
      rotations: latencies.length,
      p50,
      p99,
      bars,
      met: p99 <= bars.p99 && p50 <= (bars.p50 ?? Infinity),
    };
    results.push(result);
    report(
      `${result.met ? 'met   ' : 'MISSED'} ${result.name}: p50 ${p50.toFixed(1)} ms${bars.p50 === undefined ? '' : ` (<= ${bars.p50})`}, p99 ${p99.toFixed(1)} ms (<= ${bars.p99}); ${latencies.length} rotations`,
    );
  }
  return results;
}

async function measure(rotations: number, watch: boolean, pollIntervalMs: number): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-bench-'));
  const ca = await createTestCa({ trustDomain: 'bench.example' });
  const writer = kubeletWriter(directory);
  await writer.write(mountFiles.csiDriverSpiffe(await ca.issue(), ca));
  const source = await openMountedX509Source({ directory, watch, ...(watch ? {} : { pollIntervalMs }) });
  const server = createTlsServer(source, { authorize: authorizeAny() }).listen(0, '127.0.0.1');
  try {
    const latencies: number[] = [];
    for (let i = 0; i < rotations; i += 1) {
      const rotation = writer.begin(mountFiles.csiDriverSpiffe(await ca.issue(), ca));
      // Registered after the server's own listener: when it runs, the server has its new context.
      const applied = new Promise<number>((resolve) => {
        const subscription = source.onUpdate(() => {
          subscription[Symbol.dispose]();
          resolve(performance.now());
        });
      });
      await rotation.runTo('link-data-tmp');
      // Taken before the swap, so that what the swap itself takes counts too.
      const begun = performance.now();
      await rotation.finish();
      latencies.push((await applied) - begun);
    }
    return latencies;
  } finally {
    server.close();
    await source.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
