// A worker thread that rotates a mount as fast as it can, until it is told to end. A file that is written in place is
// left alone for a moment in between: one that is never whole can never be read.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';

import { swapGeneration } from './swap-generation.ts';

const { directory, payloads, kind, control } = workerData as {
  readonly directory: string;
  readonly payloads: readonly Readonly<Record<string, string>>[];
  readonly kind: 'swap' | 'rename' | 'truncate';
  /** First: whether to end; second: how many rotations there were. */
  readonly control: Int32Array;
};

const writers = {
  swap: (files: Readonly<Record<string, string>>, index: number) => swapGeneration(directory, files, index),
  rename(files: Readonly<Record<string, string>>) {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(directory, `.${name}`), content, { mode: 0o440 });
      renameSync(join(directory, `.${name}`), join(directory, name));
    }
  },
  truncate(files: Readonly<Record<string, string>>) {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  },
};

if (kind === 'truncate')
  for (const name of Object.keys(payloads[0] ?? {})) rmSync(join(directory, name), { force: true });
let index = 0;
do {
  index++;
  writers[kind](payloads[index % payloads.length] ?? {}, index);
  Atomics.store(control, 1, index);
  if (kind === 'truncate') Atomics.wait(control, 0, 0, 2);
} while (Atomics.load(control, 0) === 0);
