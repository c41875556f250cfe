import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';

/** Why an implementation cannot be had on this machine: it is skipped. */
export class Unavailable extends Error {}

/** @throws {@link Unavailable} when a tool is not there, or says that it does not work. */
export async function requireTool(tool: string, ...args: readonly string[]): Promise<void> {
  try {
    await runTool([tool, ...args]);
  } catch (cause) {
    throw new Unavailable(`${[tool, ...args].join(' ')} does not work on this machine`, { cause });
  }
}

/**
 * Runs a tool behind everything else that the machine does.
 *
 * @throws an error that ends with the last lines that the tool printed.
 */
export function runTool([program = '', ...args]: readonly string[], folder?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(folder === undefined ? {} : { cwd: folder }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) return resolve();
      const tail = Buffer.concat(said).toString('utf8').trim().split('\n').slice(-15).join('\n');
      reject(new Error(`${program} ended with ${code ?? 'a signal'}:\n${tail}`));
    });
  });
}
