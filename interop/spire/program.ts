import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';

import { endWithProcess } from './end-with-process.ts';
import { LoggedError } from './logged-error.ts';
import { until } from './until.ts';

/** How a program is run. */
export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** The file that gets what it says, after what is there. */
  readonly log: string;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The local user. Default: that of this process. */
  readonly uid?: number;
  /** Default: of the same number as the user. */
  readonly gid?: number;
  /** Whether its standard output is read by `output`, instead of going to the log. */
  readonly piped?: boolean;
}

/** A program that runs until it is stopped, and no longer than this process. */
export class Program {
  readonly #options: ProgramOptions;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(options: ProgramOptions) {
    const { command, args, log, cwd, env = {}, uid, gid = uid, piped = false } = options;
    const file = openSync(log, 'a');
    const stdio: StdioOptions = ['ignore', piped ? 'pipe' : file, file];
    this.#options = options;
    this.#child = spawn(command, args, {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: cwd, LC_ALL: 'C.UTF-8', ...env },
      stdio,
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    closeSync(file);
    const spare = endWithProcess(() => void this.#child.kill('SIGKILL'));
    this.#child.on('error', () => {});
    this.#exited = once(this.#child, 'exit').catch(() => {});
    this.#child.once('exit', spare);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined;
  }

  get output(): NodeJS.ReadableStream {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error(`the output of ${this.#options.command} goes to its log`);
    return stdout;
  }

  /** Waits until something holds; fails when the program ends before. */
  async ready(what: string, holds: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    const { command, log } = this.#options;
    try {
      await until(
        what,
        async () => {
          if (await holds()) return true;
          if (!this.running) throw new Error(`${command} ended`);
          return false;
        },
        limitMs,
      );
    } catch (cause) {
      throw new LoggedError(`${what}: ${(cause as Error).message}\n${await tail(log)}`, log, { cause });
    }
  }

  /** Gives the exit code of a program that ends by itself; null when it was killed. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child.exitCode;
  }

  /** Halts it where it is: its connections stay, and nobody serves them. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Lets it go on. */
  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** Asks it to end, and ends it after 10 s. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.running) this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** Whether something listens: at a port of the loopback, or at the path of a Unix socket. */
export async function listens(where: number | string): Promise<boolean> {
  const socket = typeof where === 'number' ? connect({ host: '127.0.0.1', port: where }) : connect(where);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The last lines of a log. */
export async function tail(log: string, lines = 12): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
