import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { type ChildConfig, type FromChild, type ToChild } from './messages.ts';

/** What a process of the demo is heard by. */
export interface ActorEvents {
  message(message: FromChild): void;
  /** A line it printed. */
  line(text: string): void;
  /** It ended although nobody had told it to. */
  crashed(how: string): void;
}

/** How long a process may take to end once told to. */
const STOP_TIMEOUT_MS = 5_000;

/** A process of the demo. It ends when this one does, however that comes about. */
export class Actor {
  readonly name: ChildConfig['name'];
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #quiet = Promise.withResolvers<void>();
  #stopping = false;
  #killed = false;

  constructor(file: string, config: ChildConfig, events: ActorEvents) {
    this.name = config.name;
    const program = fileURLToPath(new URL(file, import.meta.url));
    this.#child = fork(program, [JSON.stringify(config)], {
      // Not in our process group: Ctrl-C is for us, and we decide in which order all ends.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [...process.execArgv, '--disable-warning=ExperimentalWarning'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => events.line(line));
    }
    this.#child.on('message', (message) => {
      const said = message as FromChild;
      if (said.type === 'quiet') this.#quiet.resolve();
      events.message(said);
    });
    this.#child.on('error', (error) => events.crashed(error.message));
    this.#exited = new Promise((resolve) => {
      // Not `exit`: only at `close` has everything it said arrived.
      this.#child.once('close', (code, signal) => {
        if (!this.#killed && (!this.#stopping || code !== 0))
          events.crashed(`ended with ${signal ?? `exit code ${code}`}`);
        this.#quiet.resolve();
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(message: ToChild): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** It makes no more calls; resolves when those in flight have ended. */
  async quiesce(): Promise<void> {
    this.send({ type: 'quiesce' });
    await this.#quiet.promise;
  }

  /** Ends it; kills it when it does not end in time. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.send({ type: 'stop' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends it now. */
  kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }
}
