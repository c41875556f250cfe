import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { TrustDomain } from '@svidkit/core';
import { createTestCa, mountFiles } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import { openMountedX509Source } from '../src/index.ts';
import { mapOf } from './bundle-documents.ts';
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

type Kind = 'swap' | 'rename' | 'truncate';
const KINDS: readonly Kind[] = ['swap', 'rename', 'truncate'];

interface RestlessWriter {
  /** How many rotations there were. */
  readonly rotations: () => number;
  readonly stop: () => Promise<void>;
}

/** Has another thread rotate through `payloads`, the first of which is there already. */
function startWriter(
  kind: Kind,
  directory: string,
  payloads: readonly Record<string, string>[],
): RestlessWriter {
  swapGeneration(directory, payloads[0] ?? {}, 0);
  if (kind !== 'swap') rmSync(join(directory, '..data'));
  const control = new Int32Array(new SharedArrayBuffer(8));
  const writer = new Worker(fileURLToPath(new URL('restless-writer.ts', import.meta.url)), {
    workerData: { directory, payloads, kind, control },
    execArgv: ['--conditions=@svidkit/source'],
  });
  const exited = new Promise((resolve) => writer.once('exit', resolve));
  return {
    rotations: () => Atomics.load(control, 1),
    async stop() {
      Atomics.store(control, 0, 1);
      await exited;
    },
  };
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-mount-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

const LOOKS_WHEN_ASKED = { env: {}, watch: false, pollIntervalMs: 1_000_000 } as const;

for (const kind of KINDS) {
  test(`never mixes two generations of a writer that never rests (${kind})`, async () => {
    const directory = newDirectory();
    const { rotations, stop } = startWriter(kind, directory, await generations());
    const source = await openMountedX509Source({ directory, ...LOOKS_WHEN_ASKED });
    onTestFinished(() => source.close());
    const seen = new Set<string>();
    let mixed = 0;
    while (rotations() < ROTATIONS || seen.size < 2) {
      await source.check();
      const { svid } = source.current;
      seen.add(svid.id.path);
      expect(svid.leaf.x509.checkPrivateKey(svid.privateKey)).toBe(true);
      if (!source.chainVerified) mixed++;
    }
    await stop();
    // Writers that swap whole generations never show bundle and certificate of two; the others cannot help it.
    expect(kind === 'swap' ? mixed : 0).toBe(0);

    // What the writer has left in the end is what is in use.
    await source.check();
    expect(source.current.svid.id.path).toBe(`/${rotations() % GENERATIONS}`);
  });

  test(`never mixes two bundle maps of a writer that never rests (${kind})`, async () => {
    const directory = newDirectory();
    const names = ['prod.example', 'partner.example'];
    const cas = await Promise.all(
      Array.from({ length: GENERATIONS }, () =>
        Promise.all(names.map((trustDomain) => createTestCa({ trustDomain }))),
      ),
    );
    const svid = await cas[0]?.[0]?.issue();
    if (svid === undefined) throw new Error('no identity');
    const identity = mountFiles.secret(svid, []);
    delete identity['ca.crt'];
    const { rotations, stop } = startWriter(
      kind,
      directory,
      cas.map((generation) => ({ ...identity, 'bundles.json': mapOf(...generation) })),
    );
    const source = await openMountedX509Source({ directory, bundles: 'bundles.json', ...LOOKS_WHEN_ASKED });
    onTestFinished(() => source.close());
    /** From which generation the authorities in use are, for each trust domain. */
    const inUse = (): readonly number[][] =>
      names.map((name) => {
        const held = source.current.bundles.require(TrustDomain.parse(name)).authorities;
        return held.map(({ der }) =>
          cas.findIndex((generation) =>
            generation.some((ca) => ca.authorities.some((one) => Buffer.compare(one, der) === 0)),
          ),
        );
      });
    const seen = new Set<number>();
    while (rotations() < ROTATIONS || seen.size < 2) {
      await source.check();
      const [own = [], partner = []] = inUse();
      // One authority each, of one and the same map.
      expect(own).toHaveLength(1);
      expect(partner).toEqual(own);
      seen.add(own[0] ?? -1);
    }
    await stop();
    await source.check();
    const last = rotations() % GENERATIONS;
    expect(inUse()).toEqual([[last], [last]]);
  });
}
