import { type Publication } from '../authority/publisher.ts';
import { dispatch, type Handlers } from '../dispatch.ts';
import { KINDS } from '../intruder/kinds.ts';
import { type Failure, type FromChild } from '../messages.ts';
import { IDS, WORKLOADS, type WorkloadName } from '../topology.ts';
import { Histogram } from './histogram.ts';
import { IntruderJudge } from './intruder-judge.ts';
import { staleness } from './staleness.ts';

/** What is known of one workload. */
export interface WorkloadScore {
  readonly name: WorkloadName;
  readonly id: string;
  pid: number | undefined;
  /** The latest identity it reported. */
  identity: (FromChild & { type: 'identity' }) | undefined;
  rotations: number;
  requests: number;
  served: number;
  failed: number;
  /** Whom it turned away, by code. */
  readonly refused: Record<string, number>;
  readonly latency: Histogram;
  /** Requests made and served lately, for rates. */
  readonly recent: { readonly at: number; readonly requests: number; readonly served: number }[];
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
const RATE_WINDOW_MS = 3_000;

/** Everything that happened, counted. */
export class Scoreboard {
  readonly workloads: Readonly<Record<WorkloadName, WorkloadScore>>;
  readonly judge: IntruderJudge;
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

  /** The rotations that workloads completed while there was traffic: published, loaded and in use. */
  get rotations(): number {
    return this.#sum(({ rotations }) => rotations);
  }

  get requests(): number {
    return this.#sum(({ requests }) => requests);
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

  /** Requests made and served by a workload in the last seconds, per second. */
  ratesOf(score: WorkloadScore): { requests: number; served: number } {
    const since = Date.now() - RATE_WINDOW_MS;
    while (score.recent[0] !== undefined && score.recent[0].at < since) score.recent.shift();
    const sum = (name: 'requests' | 'served'): number =>
      (score.recent.reduce((total, entry) => total + entry[name], 0) * 1_000) / RATE_WINDOW_MS;
    return { requests: sum('requests'), served: sum('served') };
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
    score.requests += tally.requests;
    score.served += tally.served;
    score.failed += tally.failed;
    this.failed += tally.failed;
    score.recent.push({ at: Date.now(), requests: tally.requests, served: tally.served });
    for (const latency of tally.latencies) score.latency.add(latency);
    for (const failure of tally.failures) this.#keep(failure);
  }

  #keep(failure: Failure): void {
    if (this.failures.length < FAILURES_KEPT) this.failures.push(failure);
    this.tell(`${failure.from}: ${failure.what} failed: ${failure.code} ${failure.message}`, true);
  }

  #sum(of: (score: WorkloadScore) => number): number {
    return Object.values(this.workloads).reduce((total, score) => total + of(score), 0);
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
    requests: 0,
    served: 0,
    failed: 0,
    refused: {},
    latency: new Histogram(),
    recent: [],
  };
}
