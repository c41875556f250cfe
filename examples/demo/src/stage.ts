import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Actor } from './actor.ts';
import { Authorities } from './authority/authorities.ts';
import { denyListOf, denyThief } from './authority/denial.ts';
import { intruderKit } from './authority/intruder-kit.ts';
import { LegacyAuthority } from './authority/legacy-authority.ts';
import {
  migrate,
  MIGRATING,
  MIGRATION_STEPS,
  type MigratingName,
  policyDocument,
  type Stance,
} from './authority/migration.ts';
import { PolicyVolume } from './authority/policy-volume.ts';
import { Publisher } from './authority/publisher.ts';
import { rotateRoot } from './authority/root-rotation.ts';
import { dispatch, type Handlers } from './dispatch.ts';
import { type FromChild, type ToChild } from './messages.ts';
import { DENY_LIST, MIGRATION_POLICY, mountsOf } from './mounts.ts';
import { Scoreboard } from './report/scoreboard.ts';
import { Seasons } from './seasons.ts';
import {
  ENDPOINTS,
  type EndpointName,
  type Ports,
  SERVICES,
  type ServiceName,
  WORKLOADS,
  type WorkloadName,
} from './topology.ts';
import { Waiting } from './waiting.ts';

/** So many deliveries in the new way show that a step of the migration has arrived. */
const DELIVERIES = 3;

/** All that takes part: the CAs with their mounts, the policies, the services and their clients, the intruder. */
export class Stage {
  readonly board: Scoreboard;
  readonly #directory: string;
  readonly #authorities: Authorities;
  readonly #legacy: LegacyAuthority;
  readonly #publishers: ReadonlyMap<WorkloadName, Publisher>;
  readonly #policies: ReadonlyMap<WorkloadName, PolicyVolume>;
  readonly #actors = new Map<string, Actor>();
  readonly #ports: Partial<Record<EndpointName, number>> = {};
  readonly #listening = new Set<string>();
  /** How many deny lists each has read since it began. */
  readonly #denyLists = new Map<WorkloadName, number>();
  readonly #waiting = new Waiting();
  readonly #seasons: Seasons;
  #kitInUse = 0;
  #closing = false;

  private constructor(authorities: Authorities, legacy: LegacyAuthority, directory: string) {
    this.#directory = directory;
    this.#authorities = authorities;
    this.#legacy = legacy;
    const onError = (error: unknown): void => this.board.fail('ca', 'publish', 'PUBLISH', String(error));
    this.#publishers = new Map(
      WORKLOADS.map((name) => [
        name,
        new Publisher(name, mountsOf(join(directory, name)).svid, authorities, onError),
      ]),
    );
    this.#policies = new Map(
      WORKLOADS.map((name) => [name, new PolicyVolume(mountsOf(join(directory, name)).policy)]),
    );
    this.board = new Scoreboard((workload) => this.#publishers.get(workload)?.publications ?? []);
    this.#seasons = new Seasons(this.board, this.#waiting, (message) => this.#tell('intruder', message));
  }

  /** Makes the authorities. Nothing runs yet. */
  static async create(directory: string): Promise<Stage> {
    return new Stage(await Authorities.create(), await LegacyAuthority.create(), directory);
  }

  /** Starts everything; resolves when traffic flows. Rejects with the signal's reason when it aborts before. */
  async open(signal: AbortSignal): Promise<void> {
    await Promise.all(WORKLOADS.map((name) => this.#furnish(name)));
    for (const name of WORKLOADS) {
      // The process comes before its SVID: it waits for it, as a pod may.
      const actor = this.#cast(`./services/${name}.ts`, name, join(this.#directory, name));
      this.board.workloads[name].pid = actor.pid;
    }
    this.#cast('./intruder/intruder.ts', 'intruder', '');
    await Promise.all([...this.#publishers.values()].map((publisher) => publisher.renew()));
    await this.#waiting.until(
      'all services to listen',
      () => WORKLOADS.every((name) => this.#listening.has(name)),
      signal,
    );
    this.#tell('intruder', { type: 'kit', kit: await intruderKit(this.#authorities) });
    await this.#waiting.until(
      'the intruder to get ready',
      () => this.#kitInUse === this.#authorities.root,
      signal,
    );
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
      // What was stolen under the old root would now be turned away for that reason.
      await this.#seasons.hold('stolen-key', signal);
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
            this.#waiting.until(
              'everybody to trust the published roots',
              () => WORKLOADS.every((name) => trusts(name, wanted)),
              signal,
            ),
          everyonePresentsLatest: () =>
            this.#waiting.until(
              'everybody to present the latest SVID',
              () => WORKLOADS.every(presentsLatest),
              signal,
            ),
          dressIntruder: async () => {
            this.#tell('intruder', { type: 'kit', kit: await intruderKit(this.#authorities) });
            await this.#waiting.until(
              'the intruder to change',
              () => this.#kitInUse === this.#authorities.root,
              signal,
            );
          },
          removed: () => this.#tell('intruder', { type: 'root-removed' }),
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

  /** Has a key stolen, and denies it. Failing to is a failure of the run. */
  async denyThief(restMs: number, signal: AbortSignal): Promise<void> {
    const { board } = this;
    const deniedAt = new Map<WorkloadName, number>();
    try {
      await denyThief(
        restMs,
        {
          steal: async () => {
            const identity = await this.#authorities.steal('frontend');
            board.tell('a key of the frontend is stolen, and works');
            await this.#seasons.letIn('stolen-key', identity, signal);
            return identity;
          },
          hold: () => this.#seasons.hold('stolen-key', signal),
          deny: async (list) => {
            const before = new Map(this.#denyLists);
            const put = async ([name, volume]: readonly [WorkloadName, PolicyVolume]): Promise<void> =>
              void deniedAt.set(name, await volume.put(DENY_LIST, list));
            await Promise.all([...this.#policies].map(put));
            board.tell('the deny list names the stolen key');
            const isRead = (name: WorkloadName): boolean =>
              (this.#denyLists.get(name) ?? 0) > (before.get(name) ?? 0);
            await this.#waiting.until(
              'everybody to read the deny list',
              () => WORKLOADS.every((name) => isRead(name)),
              signal,
            );
          },
          thrownOut: () =>
            this.#seasons.turnAway(
              'stolen-key',
              (target) => deniedAt.get(ENDPOINTS[target].service) ?? 0,
              signal,
            ),
        },
        signal,
      );
      board.denials += 1;
    } catch (error) {
      if (!signal.aborted) board.fail('ca', 'denial of a key', 'DENIAL', (error as Error).message);
    }
  }

  /** Migrates the archive and the importer to SPIFFE and back. Failing to is a failure of the run. */
  async migrate(restMs: number, signal: AbortSignal): Promise<void> {
    const { board } = this;
    const straggler = await this.#legacy.issue('straggler');
    try {
      await migrate(
        restMs,
        board.migration.completed > 0,
        {
          progress: (step, of, text) => {
            board.migration.progress = { step, of, text };
            board.tell(`migration, step ${step} of ${of}: ${text}`);
          },
          apply: (workload, stance) => this.#apply(workload, stance, signal),
          holdStraggler: () => this.#seasons.hold('legacy-straggler', signal),
          admitStraggler: () => this.#seasons.letIn('legacy-straggler', straggler, signal),
          refuseStraggler: (at) => this.#seasons.turnAway('legacy-straggler', () => at, signal),
          trafficIs: (as) => {
            const { delivered } = board.migration;
            const wanted = delivered[as] + DELIVERIES;
            return this.#waiting.until(`deliveries as ${as}`, () => delivered[as] >= wanted, signal);
          },
        },
        signal,
      );
      board.migration.completed += 1;
      board.tell('migration done: legacy is neither shown nor believed');
    } catch (error) {
      if (!signal.aborted) board.fail('operator', 'migration', 'MIGRATION', (error as Error).message);
    }
  }

  /** Ends everything in order, so that what is in flight can finish. */
  async close(): Promise<void> {
    this.#closing = true;
    const stop = (...names: string[]): Promise<unknown> =>
      Promise.all(names.map(async (name) => this.#actors.get(name)?.stop()));
    await stop('intruder', 'console');
    // Callers before those they call.
    await Promise.all(
      ['frontend', 'settlement', 'importer'].map(async (name) => this.#actors.get(name)?.quiesce()),
    );
    await this.#actors.get('api')?.quiesce();
    this.board.endedAt = Date.now();
    await stop(...SERVICES, 'importer');
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
          this.board.fail(name, 'process', 'PROCESS_ENDED', how);
          if (!this.#closing) this.#waiting.giveUp();
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
      lure: ({ mark, port, via }) => this.#tell('api', { type: 'dial', mark, port, via }),
      dialled: (result) => this.#tell('intruder', result),
      'deny-list': () => {
        if (name !== 'intruder') this.#denyLists.set(name, (this.#denyLists.get(name) ?? 0) + 1);
      },
    };
    dispatch(handlers, message);
    this.#seasons.hear(message);
    this.#waiting.wake();
  }

  #tell(name: ServiceName | 'intruder', message: ToChild): void {
    this.#actors.get(name)?.send(message);
  }

  /** Mounts what a workload finds when it starts: its policies, and where there is one, its legacy identity. */
  async #furnish(name: WorkloadName): Promise<void> {
    const mounts = mountsOf(join(this.#directory, name));
    await mkdir(mounts.svid, { recursive: true, mode: 0o700 });
    await this.#policies.get(name)?.put(DENY_LIST, denyListOf([]));
    const migrating = MIGRATING.find((one) => one === name);
    const [start] = MIGRATION_STEPS;
    if (migrating === undefined || start === undefined) return;
    await this.#legacy.install(name, mounts.legacy);
    await this.#policies.get(name)?.put(MIGRATION_POLICY, policyDocument(start[migrating]));
  }

  /** Writes a policy; resolves when it is in use, with when it was written. */
  async #apply(workload: MigratingName, stance: Stance, signal: AbortSignal): Promise<number> {
    const at = (await this.#policies.get(workload)?.put(MIGRATION_POLICY, policyDocument(stance))) ?? 0;
    await this.#waiting.until(
      `${workload} to be ${stance.mode} and prefer ${stance.prefer}`,
      () => {
        const { mode, prefer } = this.board.migration.stances[workload] ?? {};
        return mode === stance.mode && prefer === stance.prefer;
      },
      signal,
    );
    return at;
  }
}
