import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { closing } from './fixtures.ts';

/** What became of a child program. */
export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is started. */
export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly execArgv?: readonly string[];
  readonly args?: readonly string[];
}

/** Runs a program of this folder, or a file, on this Node.js. */
export async function runChild(file: string, options: ChildOptions = {}): Promise<ChildResult> {
  const { child, output, closed } = spawnChild(file, options);
  await closed;
  return { code: child.exitCode, signal: child.signalCode, ...output };
}

/** Starts a program that runs until {@link closeAll}, and waits for the first line it prints. */
export async function startChild(
  file: string,
  args: readonly string[],
): Promise<{ readonly line: string; stderr(): string }> {
  const { child, output, closed } = spawnChild(file, { args });
  closing(child, () => closed);
  closing(child, () => child.kill());
  for (;;) {
    const [line, rest] = output.stdout.split('\n');
    if (line !== undefined && rest !== undefined) return { line, stderr: () => output.stderr };
    if (child.exitCode !== null) throw new Error(`${file} ended: ${output.stderr}`);
    await Promise.race([once(child.stdout, 'data'), closed]);
  }
}

function spawnChild(file: string, { env, execArgv = [], args = [] }: ChildOptions) {
  const program = file.startsWith('/') ? file : `${import.meta.dirname}/children/${file}`;
  const child = spawn(
    process.execPath,
    ['--conditions=@svidkit/source', '--disable-warning=ExperimentalWarning', ...execArgv, program, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '', ...env } },
  );
  const output = { stdout: '', stderr: '' };
  const closed = once(child, 'close');
  child.stdout.on('data', (chunk) => {
    output.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += String(chunk);
  });
  return { child, output, closed };
}
