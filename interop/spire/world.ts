import assert from 'node:assert/strict';

import { type Via } from './scenario.ts';
import { SpiffeHelper } from './spiffe-helper.ts';
import { SpireAgent } from './spire-agent.ts';
import { type Entry, SpireServer, type SpireServerOptions } from './spire-server.ts';
import { type Stage } from './stage.ts';
import { until } from './until.ts';
import { type Failure, type Federate, type LoadReport, type PickIdentity } from './workload/commands.ts';
import { startWorkload, type Workload } from './workload/workload.ts';

/** Numbers of local users. They need no names and no homes. */
export const USERS = { alice: 61_001, bob: 61_002, carol: 61_003, mallory: 61_004 } as const;

export type User = keyof typeof USERS;

/** Short enough that an agent renews an SVID every two or three seconds. */
export const SHORT_TTL = 14;

/** A trust domain: one SPIRE server and one agent. */
export interface World {
  readonly stage: Stage;
  readonly server: SpireServer;
  readonly agent: SpireAgent;
}

/** A user with an identity. */
export interface Member {
  readonly user: User;
  readonly id: string;
  readonly entry: string;
  readonly workload: Workload;
  /** Who writes its files; undefined: it asks the Workload API itself. */
  readonly helper: SpiffeHelper | undefined;
}

/** Starts a server, and an agent that has attested. */
export async function openWorld(stage: Stage, options: SpireServerOptions = {}): Promise<World> {
  const server = await SpireServer.start(stage, options);
  return { stage, server, agent: await SpireAgent.start(server) };
}

/** How {@link join} is done. */
export interface JoinOptions extends Partial<Omit<Entry, 'uid'>> {
  /** Bundle endpoints that the workload follows itself. */
  readonly federate?: readonly Federate[];
  /** Audiences that spiffe-helper fetches JWT-SVIDs for. Absent: it writes nothing about them. */
  readonly audiences?: readonly string[];
}

/** Registers a user, starts a workload process of theirs, and waits until that has its identity. */
export async function join(world: World, user: User, via: Via, options: JoinOptions = {}): Promise<Member> {
  const { stage, server, agent } = world;
  const {
    federate = [],
    audiences,
    path = `/${user}`,
    ttl = SHORT_TTL,
    parentId = agent.id,
    ...rest
  } = options;
  const entry = await server.createEntry({ path, ttl, parentId, uid: USERS[user], ...rest });
  const helper =
    via === 'spiffe-helper'
      ? await SpiffeHelper.start(stage, agent, {
          uid: USERS[user],
          ...(audiences === undefined ? {} : { audiences }),
        })
      : undefined;
  const address = `unix://${agent.socket}`;
  const jwt = helper === undefined ? { address } : helper.jwt;
  const workload = startWorkload(stage, {
    uid: USERS[user],
    from: [
      helper === undefined
        ? { kind: 'workload-api', address }
        : { kind: 'mount', directory: helper.directory },
    ],
    federate,
    ...(jwt === undefined ? {} : { jwt }),
  });
  const { id } = await workload.open();
  assert.equal(id, server.id(path), `the identity of ${user}`);
  return { user, id, entry, workload, helper };
}

/** A workload process of a user that asks an agent, or whoever is at `socket`. It has no identity yet. */
export function workloadOf(
  { stage, agent }: Pick<World, 'stage' | 'agent'>,
  user: User,
  { socket = agent.socket, pick }: { readonly socket?: string; readonly pick?: PickIdentity } = {},
): Workload {
  const address = `unix://${socket}`;
  return startWorkload(stage, {
    uid: USERS[user],
    from: [{ kind: 'workload-api', address, ...(pick === undefined ? {} : { pick }) }],
    jwt: { address },
  });
}

/** Fails unless an attempt failed for this reason, in these words. */
export function requireFailure(
  outcome: { readonly ok: true } | Failure,
  { code, reason, words }: { readonly code: string; readonly reason?: string; readonly words?: RegExp },
): void {
  assert(!outcome.ok, `want ${code}, got no failure`);
  assert.deepEqual(
    { code: outcome.code, reason: reason === undefined ? undefined : outcome.reason },
    { code, reason },
    outcome.message,
  );
  if (words !== undefined) assert.match(outcome.message, words);
}

/** Two users, of whom the second asks the first over mutual TLS without end. */
export interface Traffic<One = Member> {
  readonly alice: One;
  readonly bob: One;
  /** Ends it; fails when any request failed. Gives figures. */
  finish(): Promise<string>;
}

/** Starts {@link Traffic}. */
export async function startTraffic(world: World, via: Via, options?: JoinOptions): Promise<Traffic> {
  return startTrafficOf(await join(world, 'alice', via, options), await join(world, 'bob', via, options));
}

/** Starts {@link Traffic} between two that have their identities. */
export async function startTrafficOf<One extends Pick<Member, 'id' | 'workload'>>(
  alice: One,
  bob: One,
): Promise<Traffic<One>> {
  const port = await alice.workload.serveHttps({ authorize: bob.id });
  await bob.workload.startLoad({ target: `https://127.0.0.1:${port}/`, authorize: alice.id });
  await until('requests are answered', async () => (await bob.workload.load()).requests > 20);
  return {
    alice,
    bob,
    async finish() {
      const load = await bob.workload.stopLoad();
      const { clientSerials } = await alice.workload.served();
      requireNoFailure(load);
      assert(load.requests > 100, `${load.requests} requests`);
      return [
        `${load.requests} requests, none failed`,
        `${load.serverSerials.length} SVIDs of the server and ${clientSerials.length} of the client seen`,
      ].join('; ');
    },
  };
}

/** Waits until so many more SVIDs of both sides were seen by the other one. */
export async function awaitRotations(
  { alice, bob }: Traffic<Pick<Member, 'workload'>>,
  count: number,
  limitMs = 120_000,
): Promise<void> {
  const seen = async (): Promise<number> => {
    const { serverSerials } = await bob.workload.load();
    const { clientSerials } = await alice.workload.served();
    return Math.min(serverSerials.length, clientSerials.length);
  };
  const before = await seen();
  await until(
    `${count} more SVIDs of both are in use`,
    async () => (await seen()) >= before + count,
    limitMs,
  );
}

export function requireNoFailure({ requests, failed, failures }: LoadReport): void {
  assert.equal(failed, 0, `${failed} of ${requests} requests failed: ${failures.join(' | ')}`);
}
