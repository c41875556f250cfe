import { type Publication } from '../authority/publisher.ts';
import { dispatch, type Handlers } from '../dispatch.ts';
import { KINDS, type SeasonalKind } from '../intruder/kinds.ts';
import { type Failure, type FromChild } from '../messages.ts';
import { HOP_NAMES, type HopName, IDS, WORKLOADS, type WorkloadName } from '../topology.ts';
import { Histogram } from './histogram.ts';
import { IntruderJudge } from './intruder-judge.ts';
import { Rate } from './rate.ts';
import { staleness } from './staleness.ts';

/** What is known of one workload. */
export interface WorkloadScore {
  readonly name: WorkloadName;
  readonly id: string;
  pid: number | undefined;
  /** The latest identity it reported. */
  identity: (FromChild & { type: 'identity' }) | undefined;
  rotations: number;
  /** Requests that it made, and that it answered. */
  calls: number;
  served: number;
  failed: number;
  /** Whom it turned away, by code. */
  readonly refused: Record<string, number>;
  /** Live connections that it ended because their peer was not welcome any more, by reason. */
  readonly evicted: Record<string, number>;
  readonly latency: Histogram;
  readonly callRate: Rate;
  readonly serveRate: Rate;
}

/** What is known of one kind of request. */
export interface HopScore {
  requests: number;
  failed: number;
  readonly latency: Histogram;
  readonly rate: Rate;
}

/** How far a migration is. */
export interface MigrationScore {
  /** The step that is being taken, or was taken last. */
  progress: { readonly step: number; readonly of: number; readonly text: string } | undefined;
  /** What the policies in use say. */
  readonly stances: Partial<Record<WorkloadName, FromChild & { type: 'migration-policy' }>>;
  /** How often the importer was served by each kind of certificate. */
  readonly delivered: Record<'legacy' | 'spiffe', number>;
  /** Times that all steps were gone through. */
  completed: number;
}

/** Something worth telling. */
export interface DemoEvent {
  readonly number: number;
  readonly at: number;
  readonly text: string;
  readonly bad: boolean;
}

const FAILURES_KEPT = 20;
const EVENTS_KEPT = 200;

/** Everything that happened, counted. */
export class Scoreboard {
  readonly workloads: Readonly<Record<WorkloadName, WorkloadScore>>;
  readonly hops: Readonly<Record<HopName, HopScore>>;
  readonly judge: IntruderJudge;
  readonly migration: MigrationScore = {
    progress: undefined,
    stances: {},
    delivered: { legacy: 0, spiffe: 0 },
    completed: 0,
  };
  /** Times that a stolen key was denied. */
  denials = 0;
  readonly failures: Failure[] = [];
  readonly events: DemoEvent[] = [];
  /** From a mount being swapped to the service working with what is in it. */
  readonly takeover = new Histogram();
  failed = 0;
  looks = 0;
  staleIdentitySeen = 0;
  rootRotations = 0;
  rootProgress: { readonly step: number; readonly of: number; readonly text: string } | undefined;
  /** When traffic began; undefined before. */
  startedAt: number | undefined;
  endedAt: number | undefined;
  #told = 0;
  readonly #publications: (workload: WorkloadName) => readonly Publication[];

  constructor(publications: (workload: WorkloadName) => readonly Publication[]) {
    this.#publications = publications;
    this.workloads = Object.fromEntries(WORKLOADS.map((name) => [name, emptyScore(name)])) as Record<
      WorkloadName,
      WorkloadScore
    >;
    this.hops = Object.fromEntries(
      HOP_NAMES.map((name) => [
        name,
        { requests: 0, failed: 0, latency: new Histogram(), rate: new Rate() } satisfies HopScore,
      ]),
    ) as Record<HopName, HopScore>;
    this.judge = new IntruderJudge({
      controlFailed: ({ kind, target, mark, reason }) =>
        this.fail(
          'intruder',
          `control of ${kind} at ${target}`,
          'CONTROL_FAILED',
          reason ?? `${mark} got no answer`,
        ),
      accepted: ({ kind, target }) => this.tell(`an intruder got in: ${kind} at ${target}`, true),
      unproven: ({ kind, target }, why) => this.tell(`intruder ${kind} at ${target}: ${why}`, true),
    });
  }

  /** Takes in what a process said. */
  hear(name: WorkloadName | 'intruder', message: FromChild): void {
    dispatch(this.#handlers(name), message);
  }

  /** Counts a failure that is not a request's. */
  fail(from: string, what: string, code: string, message: string): void {
    this.failed += 1;
    this.#keep({ at: new Date().toISOString(), from, what, code, message });
  }

  /** Adds to the events. */
  tell(text: string, bad = false): void {
    this.events.push({ number: ++this.#told, at: Date.now(), text, bad });
    if (this.events.length > EVENTS_KEPT) this.events.shift();
  }

  /** The live connection of somebody unwelcome ended so long after the file that says so had changed, or did not. */
  thrownOut(kind: SeasonalKind, target: string, afterMs: number | undefined): void {
    this.judge.thrownOut(kind, afterMs);
    if (afterMs === undefined) this.tell(`${kind} kept its connection to ${target}`, true);
    else this.tell(`${kind} lost its connection to ${target} after ${afterMs} ms`);
  }

  /** The rotations that workloads completed while there was traffic: published, loaded and in use. */
  get rotations(): number {
    return Object.values(this.workloads).reduce((total, { rotations }) => total + rotations, 0);
  }

  get requests(): number {
    return Object.values(this.hops).reduce((total, { requests }) => total + requests, 0);
  }

  /** All kinds of intruders together. */
  get intruders(): {
    attempts: number;
    rejected: number;
    accepted: number;
    unproven: number;
    control: number;
  } {
    const total = { attempts: 0, rejected: 0, accepted: 0, unproven: 0, control: 0 };
    for (const score of Object.values(this.judge.scores)) {
      for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += score[name];
    }
    return total;
  }

  #handlers(name: WorkloadName | 'intruder'): Handlers<FromChild> {
    if (name === 'intruder') return { attempt: ({ attempt }) => this.judge.attempt(attempt) };
    const score = this.workloads[name];
    return {
      identity: (message) => this.#identity(score, message),
      'identity-lost': ({ reason }) => this.fail(name, 'identity', 'IDENTITY_LOST', reason),
      tally: (message) => this.#tally(score, message),
      reached: ({ mark }) => this.judge.reached(mark),
      rejected: ({ remotePort, code }) => {
        score.refused[code] = (score.refused[code] ?? 0) + 1;
        this.judge.rejected(name, remotePort, code);
      },
      'request-rejected': ({ mark, code }) => {
        score.refused[code] = (score.refused[code] ?? 0) + 1;
        this.judge.requestRejected(mark, code);
      },
      evicted: ({ reason }) => (score.evicted[reason] = (score.evicted[reason] ?? 0) + 1),
      'migration-policy': (message) => (this.migration.stances[name] = message),
      delivered: ({ as }) => (this.migration.delivered[as] += 1),
      seen: (message) => {
        this.looks += 1;
        const wrong = staleness(message, this.#publications(message.service));
        if (wrong === undefined) return;
        this.staleIdentitySeen += 1;
        this.tell(`${message.service} showed ${wrong}`, true);
      },
    };
  }

  #identity(score: WorkloadScore, identity: FromChild & { type: 'identity' }): void {
    const before = score.identity;
    score.identity = identity;
    if (before?.fingerprint === identity.fingerprint) return;
    const publication = this.#publications(score.name).find(
      ({ fingerprint }) => fingerprint === identity.fingerprint,
    );
    if (before === undefined) return this.tell(`${score.name} has its first identity`);
    if (this.startedAt === undefined) return undefined;
    score.rotations += 1;
    if (publication?.publishedAt === undefined) return undefined;
    const tookMs = Math.max(identity.loadedAt - publication.publishedAt, 0);
    this.takeover.add(tookMs);
    return this.tell(`${score.name} took over a new SVID in ${tookMs} ms`);
  }

  #tally(score: WorkloadScore, tally: FromChild & { type: 'tally' }): void {
    score.served += tally.served;
    score.failed += tally.failed;
    this.failed += tally.failed;
    let calls = 0;
    for (const [name, { requests, failed, latencies }] of Object.entries(tally.hops)) {
      const hop = this.hops[name as HopName];
      hop.requests += requests;
      hop.failed += failed;
      hop.rate.add(requests);
      calls += requests;
      for (const latency of latencies) {
        hop.latency.add(latency);
        score.latency.add(latency);
      }
    }
    score.calls += calls;
    score.callRate.add(calls);
    score.serveRate.add(tally.served);
    for (const failure of tally.failures) this.#keep(failure);
  }

  #keep(failure: Failure): void {
    if (this.failures.length < FAILURES_KEPT) this.failures.push(failure);
    this.tell(`${failure.from}: ${failure.what} failed: ${failure.code} ${failure.message}`, true);
  }
}

/** What a kind of intruder does, in words. */
export function titleOf(kind: keyof typeof KINDS): string {
  return KINDS[kind].title;
}

function emptyScore(name: WorkloadName): WorkloadScore {
  return {
    name,
    id: IDS[name],
    pid: undefined,
    identity: undefined,
    rotations: 0,
    calls: 0,
    served: 0,
    failed: 0,
    refused: {},
    evicted: {},
    latency: new Histogram(),
    callRate: new Rate(),
    serveRate: new Rate(),
  };
}
