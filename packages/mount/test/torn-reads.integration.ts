import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { createTestCa, mountFiles } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import { openMountedX509Source } from '../src/index.ts';
import { swapGeneration } from './swap-generation.ts';

const GENERATIONS = 12;
const ROTATIONS = 300;

/** Generations whose bundle fits none but their own certificate. */
async function generations(): Promise<readonly Record<string, string>[]> {
  return Promise.all(
    Array.from({ length: GENERATIONS }, async (_, index) => {
      const ca = await createTestCa({ trustDomain: 'prod.example' });
      return mountFiles.secret(await ca.issue({ path: `/${index}` }), ca);
    }),
  );
}

for (const kind of ['swap', 'rename', 'truncate'] as const) {
  test(`never mixes two generations of a writer that never rests (${kind})`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'svidkit-mount-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
    const payloads = await generations();
    swapGeneration(directory, payloads[0] ?? {}, 0);
    if (kind !== 'swap') rmSync(join(directory, '..data'));
    const control = new Int32Array(new SharedArrayBuffer(8));
    const writer = new Worker(fileURLToPath(new URL('restless-writer.ts', import.meta.url)), {
      workerData: { directory, payloads, kind, control },
      execArgv: ['--conditions=@svidkit/source'],
    });
    const exited = new Promise((resolve) => writer.once('exit', resolve));

    const source = await openMountedX509Source({
      directory,
      env: {},
      watch: false,
      pollIntervalMs: 1_000_000,
    });
    onTestFinished(() => source.close());
    const seen = new Set<string>();
    let mixed = 0;
    while (Atomics.load(control, 1) < ROTATIONS || seen.size < 2) {
      await source.check();
      const { svid } = source.current;
      seen.add(svid.id.path);
      expect(svid.leaf.x509.checkPrivateKey(svid.privateKey)).toBe(true);
      if (!source.chainVerified) mixed++;
    }
    Atomics.store(control, 0, 1);
    await exited;
    const rotations = Atomics.load(control, 1);
    // Writers that swap whole generations never show bundle and certificate of two; the others cannot help it.
    expect(kind === 'swap' ? mixed : 0).toBe(0);

    // What the writer has left in the end is what is in use.
    await source.check();
    expect(source.current.svid.id.path).toBe(`/${rotations % GENERATIONS}`);
  });
}
