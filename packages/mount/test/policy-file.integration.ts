import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { renameWriter } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import { openMountedMigrationPolicy } from '../src/index.ts';
import { swapGeneration } from './swap-generation.ts';

const FILE = 'policy.json';
const ROTATIONS = 300;

/** Policies of different lengths, each of which shows by its names how many entries it has to have. */
const PAYLOADS: readonly Readonly<Record<string, string>>[] = [1, 50, 400].map((count) => {
  const entries = Array.from({ length: count }, (_, index) => `spiffe://prod.example/${index}`);
  const allow = Object.fromEntries(entries.map((entry, index) => [`${count}-${index}`, [entry]]));
  return { [FILE]: JSON.stringify({ version: 1, mode: 'permissive', allow }) };
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'svidkit-policy-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

for (const kind of ['swap', 'rename', 'truncate'] as const) {
  test(`only whole policies are used of a writer that never rests (${kind})`, async () => {
    const path = directory();
    swapGeneration(path, PAYLOADS[0] ?? {}, 0);
    if (kind !== 'swap') rmSync(join(path, '..data'));
    const control = new Int32Array(new SharedArrayBuffer(8));
    const writer = new Worker(fileURLToPath(new URL('restless-writer.ts', import.meta.url)), {
      workerData: { directory: path, payloads: PAYLOADS, kind, control },
      execArgv: ['--conditions=@svidkit/source'],
    });
    const exited = new Promise((resolve) => writer.once('exit', resolve));
    // A link that dangles, or a file that is empty, may be what it begins with.
    await using policy = await openMountedMigrationPolicy(join(path, FILE), { wait: 30_000 });
    const seen = new Set<number>();
    const check = (): void => {
      const names = [...policy.current.allow.keys()];
      const count = Number(names[0]?.split('-')[0]);
      seen.add(count);
      expect(names).toEqual(Array.from({ length: count }, (_, index) => `${count}-${index}`));
      expect(policy.current.mode).toBe('permissive');
    };
    while (Atomics.load(control, 1) < ROTATIONS || seen.size < 2) {
      await policy.check();
      check();
    }
    Atomics.store(control, 0, 1);
    await exited;

    // What the writer has left in the end is what is in use.
    await policy.check();
    check();
    const last = PAYLOADS[Atomics.load(control, 1) % PAYLOADS.length]?.[FILE] ?? '';
    expect(last).toContain(`"${[...policy.current.allow.keys()][0]}"`);
    expect(policy.lastError).toBeUndefined();
  });
}

test.each([true, false])('a program that follows policies can end (events: %s)', async (watch) => {
  const path = directory();
  await renameWriter(path).write({ 'deny.json': '{"version":1,"deny":{}}', [FILE]: '{"version":1}' });
  const program = `
    import { openMountedDenyList, openMountedMigrationPolicy } from '@svidkit/mount';
    const options = { watch: ${watch} };
    const list = await openMountedDenyList('${path}/deny.json', options);
    const policy = await openMountedMigrationPolicy('${path}/${FILE}', options);
    await list.check();
    process.stdout.write(list.health().status + ' ' + policy.current.mode);
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@svidkit/source', '--input-type=module', '--eval', program],
    { cwd: join(import.meta.dirname, '../../..') },
  );
  expect(stdout).toBe('current strict');
});
