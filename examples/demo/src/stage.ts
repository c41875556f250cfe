import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Actor } from './actor.ts';
import { Authorities } from './authority/authorities.ts';
import { intruderKit } from './authority/intruder-kit.ts';
import { Publisher } from './authority/publisher.ts';
import { rotateRoot } from './authority/root-rotation.ts';
import { dispatch, type Handlers } from './dispatch.ts';
import { type FromChild } from './messages.ts';
import { Scoreboard } from './report/scoreboard.ts';
import { type EndpointName, type Ports, SERVICES, WORKLOADS, type WorkloadName } from './topology.ts';

/** How long processes may take to do what they were asked for. */
const PATIENCE_MS = 20_000;

/** All that takes part: the CA with its mounts, the services, the console, the intruder. */
export class Stage {
  readonly board: Scoreboard;
  readonly #authorities: Authorities;
  readonly #publishers: ReadonlyMap<WorkloadName, Publisher>;
  readonly #actors = new Map<string, Actor>();
  readonly #ports: Partial<Record<EndpointName, number>> = {};
  readonly #listening = new Set<string>();
  /** Asked again after each message. */
  readonly #waiting = new Set<() => void>();
  #kitInUse = 0;
  #crashed = false;
  #closing = false;

  private constructor(authorities: Authorities, directory: string) {
    this.#authorities = authorities;
    const onError = (error: unknown): void => this.board.fail('ca', 'publish', 'PUBLISH', String(error));
    this.#publishers = new Map(
      WORKLOADS.map((name) => [name, new Publisher(name, join(directory, name), authorities, onError)]),
    );
    this.board = new Scoreboard((workload) => this.#publishers.get(workload)?.publications ?? []);
  }

  /** Makes the authorities. Nothing runs yet. */
  static async create(directory: string): Promise<Stage> {
    return new Stage(await Authorities.create(), directory);
  }

  /** Starts everything; resolves when traffic flows. Rejects with the signal's reason when it aborts before. */
  async open(directory: string, signal: AbortSignal): Promise<void> {
    for (const name of WORKLOADS) {
      // The process comes first: it waits for its mount, as a pod may.
      await mkdir(join(directory, name), { mode: 0o700 });
      const actor = this.#cast(`./services/${name}.ts`, name, join(directory, name));
      this.board.workloads[name].pid = actor.pid;
    }
    const intruder = this.#cast('./intruder/intruder.ts', 'intruder', '');
    await Promise.all([...this.#publishers.values()].map((publisher) => publisher.renew()));
    await this.#until(
      'all services to listen',
      () => WORKLOADS.every((name) => this.#listening.has(name)),
      signal,
    );
    intruder.send({ type: 'kit', kit: await intruderKit(this.#authorities) });
    await this.#until('the intruder to get ready', () => this.#kitInUse === this.#authorities.root, signal);
    this.board.startedAt = Date.now();
    for (const actor of this.#actors.values()) actor.send({ type: 'start', ports: this.#ports as Ports });
  }

  /** Replaces our root. Failing to is a failure of the run. */
  async rotateRoot(restMs: number, signal: AbortSignal): Promise<void> {
    const { board } = this;
    const trusts = (name: WorkloadName, wanted: readonly string[]): boolean => {
      const { authorities = [] } = board.workloads[name].identity ?? {};
      return authorities.length === wanted.length && wanted.every((one) => authorities.includes(one));
    };
    const presentsLatest = (name: WorkloadName): boolean =>
      board.workloads[name].identity?.fingerprint ===
      this.#publishers.get(name)?.publications.at(-1)?.fingerprint;
    try {
      await rotateRoot(
        this.#authorities,
        [...this.#publishers.values()],
        restMs,
        {
          progress: (step, of, text) => {
            board.rootProgress = { step, of, text };
            board.tell(`root rotation, step ${step} of ${of}: ${text}`);
          },
          everyoneTrusts: (wanted) =>
            this.#until(
              'everybody to trust the published roots',
              () => WORKLOADS.every((name) => trusts(name, wanted)),
              signal,
            ),
          everyonePresentsLatest: () =>
            this.#until(
              'everybody to present the latest SVID',
              () => WORKLOADS.every(presentsLatest),
              signal,
            ),
          dressIntruder: async () => {
            this.#actors.get('intruder')?.send({ type: 'kit', kit: await intruderKit(this.#authorities) });
            await this.#until(
              'the intruder to change',
              () => this.#kitInUse === this.#authorities.root,
              signal,
            );
          },
          removed: () => this.#actors.get('intruder')?.send({ type: 'root-removed' }),
        },
        signal,
      );
      board.rootRotations += 1;
      board.tell('root rotation done: the old root is trusted by nobody');
    } catch (error) {
      if (!signal.aborted) board.fail('ca', 'root rotation', 'ROOT_ROTATION', (error as Error).message);
    } finally {
      board.rootProgress = undefined;
    }
  }

  /** Ends everything in order, so that what is in flight can finish. */
  async close(): Promise<void> {
    this.#closing = true;
    const stop = (...names: string[]): Promise<unknown> =>
      Promise.all(names.map(async (name) => this.#actors.get(name)?.stop()));
    await stop('intruder', 'console');
    // Callers before those they call.
    await Promise.all(['frontend', 'settlement'].map(async (name) => this.#actors.get(name)?.quiesce()));
    await this.#actors.get('api')?.quiesce();
    this.board.endedAt = Date.now();
    await stop(...SERVICES);
    await Promise.all([...this.#publishers.values()].map((publisher) => publisher.stop()));
    this.board.judge.judge(true);
  }

  /** Ends everything at once. */
  kill(): void {
    this.#closing = true;
    for (const publisher of this.#publishers.values()) void publisher.stop();
    for (const actor of this.#actors.values()) actor.kill();
  }

  #cast(file: string, name: WorkloadName | 'intruder', directory: string): Actor {
    const actor = new Actor(
      file,
      { name, directory },
      {
        message: (message) => this.#hear(name, message),
        line: (text) => this.board.tell(`${name}: ${text}`, true),
        crashed: (how) => {
          this.#crashed = true;
          this.board.fail(name, 'process', 'PROCESS_ENDED', how);
          this.#wake();
        },
      },
    );
    this.#actors.set(name, actor);
    return actor;
  }

  #hear(name: WorkloadName | 'intruder', message: FromChild): void {
    this.board.hear(name, message);
    const handlers: Handlers<FromChild> = {
      listening: ({ ports }) => {
        Object.assign(this.#ports, ports);
        this.#listening.add(name);
      },
      'kit-in-use': ({ root }) => (this.#kitInUse = root),
      lure: ({ mark, port, via }) => this.#actors.get('api')?.send({ type: 'dial', mark, port, via }),
      dialled: (result) => this.#actors.get('intruder')?.send(result),
    };
    dispatch(handlers, message);
    this.#wake();
  }

  #wake(): void {
    for (const check of this.#waiting) check();
  }

  /** Resolves when `done`; rejects, naming `what`, when that takes too long. */
  #until(what: string, done: () => boolean, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiting.delete(check);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const check = (): void => {
        if (done()) end(resolve);
        else if (this.#crashed && !this.#closing) {
          end(() => reject(new Error(`waited for ${what}, but a process ended`)));
        }
      };
      const onAbort = (): void => end(() => reject(signal?.reason as Error));
      const timer = setTimeout(
        () => end(() => reject(new Error(`waited ${PATIENCE_MS / 1_000} s in vain for ${what}`))),
        PATIENCE_MS,
      );
      this.#waiting.add(check);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
      else check();
    });
  }
}
