import assert from 'node:assert/strict';
import { join as joinPath } from 'node:path';

import { type Scenario } from '../scenario.ts';
import { until } from '../until.ts';
import {
  awaitRotations,
  join,
  type Member,
  openWorld,
  requireFailure,
  SHORT_TTL,
  startTrafficOf,
  USERS,
  workloadOf,
} from '../world.ts';

/** In the settings, in headers, in the first and the last bytes of a message. */
const AT_THE_START = [3, 20, 60, 300] as const;
const LATER = [1, 8, 9, 14, 40, 400, 900] as const;

/** An agent that dies in the middle of what it says, as many times as there are places to. */
export const agentCut: Scenario = {
  name: 'agent-cut',
  via: 'Workload API',
  shows:
    'connections to the agent break in the middle of its messages, first ones and renewals: half a message never counts, no request fails, and rotation goes on',
  async play(stage) {
    const world = await openWorld(stage);
    const { server, agent } = world;
    // What stands between is of the same user, so the agent takes it for the workload.
    const uid = USERS.alice;
    const socket = joinPath(await stage.makeFolder('relay', uid), 'api.sock');
    const relay = workloadOf(world, 'alice');
    await relay.relay(socket, agent.socket);
    await server.createEntry({ path: '/alice', parentId: agent.id, uid, ttl: SHORT_TTL });
    const probe = workloadOf(world, 'alice', { socket });
    assert.deepEqual(await probe.attempt(30_000), { ok: true, value: server.id('/alice') });

    // One that never gets through is told why.
    await relay.cut(Array.from({ length: 50 }, () => ({ of: 'start', bytes: 30 })));
    requireFailure(await probe.attempt(1_500), {
      code: 'ERR_SOURCE_TIMEOUT',
      reason: 'ERR_WORKLOAD_API_UNAVAILABLE',
    });

    // One that gets through at last has its identity.
    const already = (await relay.relayed()).cuts.length;
    await relay.cut(AT_THE_START.map((bytes) => ({ of: 'start', bytes })));
    const workload = workloadOf(world, 'alice', { socket });
    const { id } = await workload.open();
    assert.equal(id, server.id('/alice'));
    const opened = (await relay.relayed()).cuts.length;
    assert.equal(opened - already, AT_THE_START.length, 'first messages were cut');

    const bob = await join(world, 'bob', 'Workload API');
    const traffic = await startTrafficOf<Pick<Member, 'id' | 'workload'>>({ id, workload }, bob);
    await relay.cut(LATER.map((bytes) => ({ of: 'later', bytes })));
    await until(
      'renewals were cut',
      async () => (await relay.relayed()).cuts.length === opened + LATER.length,
      120_000,
    );
    await awaitRotations(traffic, 2);
    const { serials, ids, health } = await workload.history();
    assert.deepEqual({ ids, health }, { ids: [id], health: 'fresh' });
    assert(!serials.includes(undefined), 'it always had an identity');
    return `cut ${AT_THE_START.length} first messages and ${LATER.length} renewals; ${await traffic.finish()}`;
  },
};
