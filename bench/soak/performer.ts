import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { kubeletWriter, type MountFiles, type MountWriter } from '@svidkit/testkit';

import { type Held, type News, type Order, type Ports } from './messages.ts';

/** How long a service may take to present what was published, however loaded the machine is. */
const PATIENCE_MS = 60_000;

type NewsOf<Kind extends News['news']> = Extract<News, { readonly news: Kind }>;

/** A service in a process of its own, with the mount that it lives on. */
export class Performer {
  readonly id: string;
  readonly counts = { requests: 0, failed: 0, wrong: 0 };
  readonly #writer: MountWriter;
  readonly #root: string;
  readonly #heard = new Set<(news: News) => void>();
  #process: ChildProcess | undefined;
  #presents: string | undefined;
  #dead: Error | undefined;

  constructor(id: string) {
    this.id = id;
    this.#root = mkdtempSync(join(tmpdir(), 'svidkit-soak-'));
    this.#writer = kubeletWriter(join(this.#root, 'mount'));
  }

  /** Starts it. Its mount must hold something. */
  async start(other: string, problem: (text: string) => void): Promise<Ports> {
    const listening = this.#next('listening');
    const script = fileURLToPath(new URL('service.ts', import.meta.url));
    const child = fork(script, [this.#writer.directory, this.id, other], {
      execArgv: [...process.execArgv, '--expose-gc'],
      serialization: 'advanced',
    });
    this.#process = child;
    child.on('message', (news: News) => {
      if (news.news === 'presents') this.#presents = news.serial;
      if (news.news === 'count') Object.assign(this.counts, news);
      if (news.news === 'problem') problem(`${this.id} ${news.text}`);
      for (const hear of this.#heard) hear(news);
    });
    child.once('exit', (code, signal) => {
      this.#dead = new Error(`${this.id} ended with ${signal ?? code}`);
      for (const hear of this.#heard) hear({ news: 'stopped' });
    });
    return (await listening).ports;
  }

  publish(files: MountFiles): Promise<void> {
    return this.#writer.write(files);
  }

  tell(order: Order): void {
    this.#process?.send(order);
  }

  /** Resolves once it presents the SVID with this serial number. */
  async presents(serial: string): Promise<void> {
    while (this.#presents !== serial) await this.#next('presents', serial);
  }

  async measure(): Promise<Held> {
    const measured = this.#next('measured');
    this.tell({ do: 'measure' });
    return measured;
  }

  /** Resolves once every request that it has begun by now is over. */
  async settle(): Promise<void> {
    const settled = this.#next('settled');
    this.tell({ do: 'settle' });
    await settled;
  }

  /** Lets its callers finish. */
  async stop(): Promise<void> {
    const stopped = this.#next('stopped');
    this.tell({ do: 'stop' });
    await stopped;
  }

  /** Ends it, whatever state it is in, and removes its mount. */
  async end(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.send({ do: 'end' } satisfies Order);
      const last = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(last);
    }
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** The next news of this kind. @throws when the service ends before, or takes too long. */
  #next<Kind extends News['news']>(kind: Kind, what = ''): Promise<NewsOf<Kind>> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(patience);
        this.#heard.delete(hear);
      };
      const hear = (news: News): void => {
        if (news.news === kind) {
          settle();
          resolve(news as NewsOf<Kind>);
        } else if (this.#dead !== undefined) {
          settle();
          reject(this.#dead);
        }
      };
      const patience = setTimeout(() => {
        settle();
        reject(new Error(`${this.id}: nothing of "${kind} ${what}" within ${PATIENCE_MS / 1000} s`));
      }, PATIENCE_MS);
      this.#heard.add(hear);
    });
  }
}
