import { execFile } from 'node:child_process';
import { join } from 'node:path';

import { systemClock } from '@svidkit/core';

import { runCli } from '../src/run-cli.ts';

/** How a run of the command ended, and what it said. */
export interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run it. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
}

const BIN = join(import.meta.dirname, '../src/bin.ts');

/** Runs `svidkit` as a process of its own; `env` is all of its environment. */
export function runSvidkit(argv: readonly string[], { env = {} }: RunOptions = {}): Promise<Run> {
  const args = ['--conditions=@svidkit/source', BIN, ...argv];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env, cwd: '/', timeout: 30_000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code;
      if (typeof exitCode === 'number') resolve({ exitCode, stdout, stderr });
      else reject(error ?? new Error('no exit code'));
    });
  });
}

/** Runs `svidkit` in this process, which is faster. */
export async function runSvidkitHere(argv: readonly string[], { env = {} }: RunOptions = {}): Promise<Run> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCli(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env,
    clock: systemClock,
  });
  return { exitCode, stdout, stderr };
}
