import { MIGRATION_STEPS } from '../authority/migration.ts';
import { formatDuration } from '../duration.ts';
import { type KindName, KIND_NAMES } from '../intruder/kinds.ts';
import { type Failure } from '../messages.ts';
import {
  type Hop,
  HOP_NAMES,
  type HopName,
  HOPS,
  SERVICES,
  TRANSPORTS,
  type WorkloadName,
} from '../topology.ts';
import { type KindScore } from './intruder-judge.ts';
import { type Scoreboard, titleOf } from './scoreboard.ts';

type Figures = ReturnType<Scoreboard['takeover']['toJSON']>;

/** What a run amounts to: the content of the summary file. */
export interface Summary {
  /** Whether the run proves what it should; `problems` says what is missing. */
  readonly ok: boolean;
  readonly problems: readonly string[];
  /** New SVIDs that workloads took over while they worked. */
  readonly rotations: number;
  /** Times that the root of our trust domain was replaced. */
  readonly rootRotations: number;
  readonly requests: number;
  readonly failed: number;
  readonly rejectedIntruders: number;
  readonly acceptedIntruders: number;
  /** Attempts of intruders for which the proof of rejection is not complete. */
  readonly unprovenIntruders: number;
  readonly staleIdentitySeen: number;
  /** New connections whose certificate was looked at. */
  readonly identitiesSeen: number;
  /** Milliseconds from the swap of a mount to the service working with it. */
  readonly takeoverMs: Figures;
  readonly services: readonly ServiceSummary[];
  /** By kind of request: who calls whom with what, and what came of it. */
  readonly hops: Readonly<Record<HopName, Hop & { requests: number; failed: number; latencyMs: Figures }>>;
  /** The migration of a legacy service and its client, by policy files alone. */
  readonly migration: {
    /** Times that all steps, the roll-back included, were gone through. */
    readonly completed: number;
    /** The steps of one time. */
    readonly steps: readonly string[];
    /** How often the importer was served by each kind of certificate. */
    readonly delivered: Readonly<Record<'legacy' | 'spiffe', number>>;
  };
  /** Times that a stolen key was denied. */
  readonly denials: number;
  readonly intruders: Readonly<Record<KindName, KindScore & { readonly title: string }>>;
  /** The first 20 failures. */
  readonly failures: readonly Failure[];
  readonly startedAt: string;
  readonly durationMs: number;
  readonly node: string;
  readonly platform: string;
}

interface ServiceSummary {
  readonly name: WorkloadName;
  readonly id: string;
  readonly pid: number | undefined;
  /** What it serves by. */
  readonly transport: string;
  /** Requests that it answered. */
  readonly requests: number;
  /** Requests that it made. */
  readonly calls: number;
  readonly failed: number;
  readonly rotations: number;
  readonly generation: number;
  /** How it notices changes of its mount. */
  readonly watchMode: string | undefined;
  readonly latencyMs: Figures;
  /** Peers that svidkit turned away, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Live connections that it ended because their peer was not welcome any more, by reason. */
  readonly evicted: Readonly<Record<string, number>>;
}

/** How a run was to be, and whether it came to that. */
export interface RunFacts {
  /** Whether it was long enough for everything to happen. Otherwise it is only asked whether anything went wrong. */
  readonly timed: boolean;
  readonly interrupted: boolean;
}

/** Sums a run up. */
export function summarize(board: Scoreboard, { timed, interrupted }: RunFacts): Summary {
  const { rejected, accepted, unproven } = board.intruders;
  const problems = [
    ...wrongThings(board),
    ...problem(interrupted, 'it was ended before its time'),
    ...(timed && !interrupted ? missingThings(board) : []),
  ];
  return {
    ok: problems.length === 0,
    problems,
    rotations: board.rotations,
    rootRotations: board.rootRotations,
    requests: board.requests,
    failed: board.failed,
    rejectedIntruders: rejected,
    acceptedIntruders: accepted,
    unprovenIntruders: unproven,
    staleIdentitySeen: board.staleIdentitySeen,
    identitiesSeen: board.looks,
    takeoverMs: board.takeover.toJSON(),
    services: SERVICES.map((name) => {
      const { id, pid, calls, served, failed, rotations, identity, latency, refused, evicted } =
        board.workloads[name];
      const { generation = 0, watchMode } = identity ?? {};
      return {
        name,
        id,
        pid,
        transport: TRANSPORTS[name],
        requests: served,
        calls,
        failed,
        rotations,
        generation,
        watchMode,
        latencyMs: latency.toJSON(),
        refused,
        evicted,
      };
    }),
    hops: Object.fromEntries(
      HOP_NAMES.map((name) => {
        const { requests, failed, latency } = board.hops[name];
        return [name, { ...HOPS[name], requests, failed, latencyMs: latency.toJSON() }];
      }),
    ) as unknown as Summary['hops'],
    migration: {
      completed: board.migration.completed,
      steps: MIGRATION_STEPS.map(({ text }) => text),
      delivered: board.migration.delivered,
    },
    denials: board.denials,
    intruders: Object.fromEntries(
      KIND_NAMES.map((kind) => [kind, { title: titleOf(kind), ...board.judge.scores[kind] }]),
    ) as unknown as Summary['intruders'],
    failures: board.failures,
    startedAt: new Date(board.startedAt ?? Date.now()).toISOString(),
    durationMs: board.startedAt === undefined ? 0 : (board.endedAt ?? Date.now()) - board.startedAt,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
}

/** What must not have happened. */
function wrongThings(board: Scoreboard): string[] {
  const { accepted, unproven } = board.intruders;
  return [
    ...problem(board.failed > 0, `${board.failed} requests failed`),
    ...problem(accepted > 0, `${accepted} intruders got in`),
    ...problem(unproven > 0, `${unproven} attempts of intruders are not proven to have been rejected`),
    ...problem(board.staleIdentitySeen > 0, `${board.staleIdentitySeen} connections showed a stale identity`),
  ];
}

/** What must have happened. */
function missingThings(board: Scoreboard): string[] {
  if (board.startedAt === undefined) return ['it never got as far as traffic'];
  return [
    ...problem(board.rotations === 0, 'no SVID was rotated'),
    ...problem(board.rootRotations === 0, 'the root was not rotated'),
    ...problem(board.requests === 0, 'no request was made'),
    ...SERVICES.flatMap((name) => [
      ...problem(board.workloads[name].served === 0, `${name} served nothing`),
      ...problem(board.workloads[name].rotations === 0, `${name} never took over a new SVID`),
    ]),
    ...HOP_NAMES.flatMap((name) =>
      problem(board.hops[name].requests === 0, `no request of ${name} was made`),
    ),
    ...problem(board.migration.completed === 0, 'the migration did not come to its end'),
    ...problem(board.migration.delivered.legacy === 0, 'the importer was never served as a legacy client'),
    ...problem(board.migration.delivered.spiffe === 0, 'the importer was never served by its SPIFFE ID'),
    ...problem(board.denials === 0, 'no stolen key was denied'),
    ...problem(evictions(board, 'denied') === 0, 'no live connection of a denied key was ended'),
    ...problem(evictions(board, 'legacy-refused') === 0, 'no live legacy connection was ended by strictness'),
    ...problem(board.looks === 0, 'nobody looked at the identities shown'),
    ...KIND_NAMES.flatMap((kind) => {
      const { attempts, rejected, control } = board.judge.scores[kind];
      return [
        ...problem(attempts === 0, `intruder ${kind} never tried`),
        ...problem(attempts > 0 && rejected === 0, `intruder ${kind} was never rejected`),
        ...problem(control === 0, `the positive control of intruder ${kind} never got through`),
      ];
    }),
  ];
}

function problem(is: boolean, text: string): string[] {
  return is ? [text] : [];
}

function evictions(board: Scoreboard, reason: string): number {
  return Object.values(board.workloads).reduce((total, { evicted }) => total + (evicted[reason] ?? 0), 0);
}

/** The summary for people. */
export function renderSummary(summary: Summary): string {
  const kinds = Object.values(summary.intruders).filter(({ rejected }) => rejected > 0).length;
  const { p50, max } = summary.takeoverMs;
  const { delivered } = summary.migration;
  const slowest = Math.max(...Object.values(summary.intruders).map(({ slowestMs = 0 }) => slowestMs));
  const lines = [
    `${formatDuration(summary.durationMs)} on Node ${summary.node}:`,
    `  ${summary.requests} requests, ${summary.failed} failed`,
    `  ${summary.rotations} SVID rotations and ${summary.rootRotations} of the root; taken over in ${p50} ms (median), ${max} ms (longest)`,
    `  ${summary.rejectedIntruders} intruders of ${kinds} kinds rejected, ${summary.acceptedIntruders} accepted`,
    `  migrated ${summary.migration.completed} times: ${delivered.legacy} deliveries as legacy, ${delivered.spiffe} by SPIFFE ID`,
    `  stolen keys denied ${summary.denials} times; who was not welcome any more was thrown out within ${slowest} ms`,
    `  ${summary.identitiesSeen} new connections looked at, ${summary.staleIdentitySeen} showed a stale identity`,
    ...summary.failures.map(
      ({ at, from, what, code, message }) => `  failed: ${at} ${from}: ${what}: ${code} ${message}`,
    ),
    ...(summary.ok
      ? ['All as it should be.']
      : ['NOT as it should be:', ...summary.problems.map((text) => `  - ${text}`)]),
  ];
  return lines.join('\n');
}
