import assert from 'node:assert/strict';
import { rm, stat } from 'node:fs/promises';

import { type Scenario } from '../scenario.ts';
import {
  awaitRotations,
  openWorld,
  requireFailure,
  SHORT_TTL,
  startTraffic,
  USERS,
  workloadOf,
} from '../world.ts';

/** A path that somebody cleans up, while everything runs. */
export const socketVanishes: Scenario = {
  name: 'socket-vanishes',
  via: 'Workload API',
  shows:
    'the socket is removed under a running agent, and comes back as another one: streams that are open go on, newcomers are told why they must wait; no request fails',
  async play(stage) {
    const world = await openWorld(stage);
    const { server, agent } = world;
    await server.createEntry({ path: '/carol', parentId: agent.id, uid: USERS.carol, ttl: SHORT_TTL });
    const traffic = await startTraffic(world, 'Workload API');
    const carol = workloadOf(world, 'carol');
    assert.deepEqual(await carol.attempt(30_000), { ok: true, value: server.id('/carol') });

    const before = await stat(agent.socket);
    await rm(agent.socket);
    await awaitRotations(traffic, 2);
    requireFailure(await carol.attempt(1_000), {
      code: 'ERR_SOURCE_TIMEOUT',
      reason: 'ERR_WORKLOAD_API_NOT_FOUND',
      words: /nothing at that path/,
    });
    const opening = carol.open();

    await agent.kill();
    await agent.restart();
    const after = await stat(agent.socket);
    assert(after.ino !== before.ino || after.ctimeMs !== before.ctimeMs, 'another socket');
    assert.equal((await opening).id, server.id('/carol'));
    await awaitRotations(traffic, 2);
    return traffic.finish();
  },
};
