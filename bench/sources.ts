// Many mounted sources in one process of their own: what each keeps in memory, and what all cost while nothing happens.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { createTestCa, kubeletWriter, mountFiles } from '@svidkit/testkit';

/** What many open sources cost. */
export interface SourcesResult {
  readonly name: string;
  readonly sources: number;
  /** Growth of the resident set for each source, after garbage collection. */
  readonly kibEach: number;
  /** Of it, what JavaScript objects take. */
  readonly heapKibEach: number;
  /** CPU time while idle, as a share of one core in percent. */
  readonly idlePercent: number;
  readonly openSeconds: number;
  readonly bars: { readonly kibEach: number; readonly idlePercent: number };
  readonly met: boolean;
}

/** What the process that holds the sources prints. */
export type HeldSources = Pick<SourcesResult, 'kibEach' | 'heapKibEach' | 'idlePercent' | 'openSeconds'>;

const BARS = { kibEach: 60, idlePercent: 15 };
const IN_FLIGHT = 16;

/** Mounts `count` sources, each with an SVID and one authority of its own, and opens them, with and without watching. */
export async function benchSources(count: number, report: (line: string) => void): Promise<SourcesResult[]> {
  const root = mkdtempSync(join(tmpdir(), 'svidkit-bench-'));
  try {
    await mount(root, count);
    const results: SourcesResult[] = [];
    for (const watch of [true, false]) {
      const held = await hold(root, count, watch);
      const result: SourcesResult = {
        name: `${count} mounted sources, ${watch ? 'inotify and poll' : 'poll only'}`,
        sources: count,
        ...held,
        bars: BARS,
        met: held.kibEach <= BARS.kibEach && held.idlePercent <= BARS.idlePercent,
      };
      results.push(result);
      report(
        `${result.met ? 'met   ' : 'MISSED'} ${result.name}: ${held.kibEach.toFixed(1)} KiB each (<= ${BARS.kibEach}), of which heap ${held.heapKibEach.toFixed(1)}; idle ${held.idlePercent.toFixed(1)} % of a core (<= ${BARS.idlePercent}); opened in ${held.openSeconds.toFixed(1)} s`,
      );
    }
    return results;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Writes `ROOT/0` to `ROOT/COUNT-1`. The authorities differ; that they share a key makes only the writing cheaper. */
async function mount(root: string, count: number): Promise<void> {
  const { keyPair } = await createTestCa({ trustDomain: 'bench.example' });
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      const ca = await createTestCa({ trustDomain: `t${i}.bench.example`, key: keyPair });
      const svid = await ca.issue({ path: '/workload' });
      await kubeletWriter(join(root, String(i))).write(mountFiles.csiDriverSpiffe(svid, ca));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

async function hold(root: string, count: number, watch: boolean): Promise<HeldSources> {
  const script = fileURLToPath(new URL('hold-sources.ts', import.meta.url));
  const args = ['--expose-gc', script, root, String(count), String(watch)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as HeldSources;
}
