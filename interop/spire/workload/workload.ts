import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

import { endWithProcess } from '../end-with-process.ts';
import { LoggedError } from '../logged-error.ts';
import { type Stage } from '../stage.ts';
import { type AnswerMessage, type CommandMessage, type Commands, type WorkloadSpec } from './commands.ts';

/** A workload process, as its parent sees it: each command of {@link Commands} is a method. */
export type Workload = Commands;

/** Starts a workload process; it ends with the stage. It has no identity before `open`. */
export function startWorkload(stage: Stage, spec: WorkloadSpec): Workload {
  const path = join(stage.folder, `${stage.name('workload')}.log`);
  const log = openSync(path, 'a');
  const child = fork(join(import.meta.dirname, 'child.ts'), [JSON.stringify(spec)], {
    cwd: '/',
    // JSON has no `undefined`.
    serialization: 'advanced',
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  child.once(
    'exit',
    endWithProcess(() => void child.kill('SIGKILL')),
  );
  const channel = new Channel(child, path);
  stage.closeLater({ close: () => channel.end() });
  return new Proxy({} as Workload, {
    get: (_, name) =>
      name === 'then' ? undefined : (...args: unknown[]) => channel.call(name as keyof Commands, args),
  });
}

class Channel {
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  constructor(child: ChildProcess, log: string) {
    this.#child = child;
    this.#log = log;
    child.on('message', (message) => this.#settle(message as AnswerMessage));
    child.on('error', () => {});
    child.once('exit', (code, signal) => {
      const error = new LoggedError(`the workload ended (${code ?? signal})`, log);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  async call(name: keyof Commands, args: readonly unknown[]): Promise<unknown> {
    this.#last += 1;
    const message: CommandMessage = { number: this.#last, name, args };
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#last, waiting);
    this.#child.send(message, (error) => {
      if (error !== null) waiting.reject(error);
    });
    return waiting.promise;
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(timer);
  }

  #settle({ number, result, error }: AnswerMessage): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new LoggedError(error, this.#log));
  }
}
