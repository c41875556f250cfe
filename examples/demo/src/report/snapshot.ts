import { MIGRATION_STEPS } from '../authority/migration.ts';
import { KIND_NAMES } from '../intruder/kinds.ts';
import { HOP_NAMES, HOPS, OUR_DOMAIN, PARTNER_DOMAIN, transportOf, WORKLOADS } from '../topology.ts';
import { type Scoreboard, titleOf } from './scoreboard.ts';

const EVENTS_SHOWN = 14;

/** All that the page shows, as of now. Nothing in it is secret. */
export function snapshotOf(board: Scoreboard, forMs: number | undefined): object {
  return {
    now: Date.now(),
    startedAt: board.startedAt,
    endedAt: board.endedAt,
    forMs,
    domains: [OUR_DOMAIN, PARTNER_DOMAIN],
    requests: board.requests,
    failed: board.failed,
    rotations: board.rotations,
    rootRotations: board.rootRotations,
    root: board.rootProgress,
    looks: board.looks,
    stale: board.staleIdentitySeen,
    denials: board.denials,
    intruders: board.intruders,
    workloads: WORKLOADS.map((name) => {
      const { id, identity, rotations, failed, callRate, serveRate } = board.workloads[name];
      return {
        name,
        id,
        by: transportOf(name),
        serial: identity?.serial.slice(0, 8).toLowerCase(),
        notBefore: identity?.notBefore,
        notAfter: identity?.notAfter,
        rotations,
        failed,
        calls: callRate.perSecond,
        served: serveRate.perSecond,
      };
    }),
    hops: HOP_NAMES.map((name) => {
      const { requests, failed, rate, latency } = board.hops[name];
      return { name, ...HOPS[name], requests, failed, rate: rate.perSecond, p50: latency.toJSON().p50 };
    }),
    kinds: KIND_NAMES.map((name) => ({ name, title: titleOf(name), ...board.judge.scores[name] })),
    migration: { ...board.migration, steps: MIGRATION_STEPS.map(({ text }) => text) },
    events: board.events.slice(-EVENTS_SHOWN),
  };
}
