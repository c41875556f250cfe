import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Scenario } from '../scenario.ts';
import { type Stage } from '../stage.ts';
import { until } from '../until.ts';
import { awaitRotations, openWorld, requireFailure, startTraffic, USERS, workloadOf } from '../world.ts';

/** Renewed after ten seconds or so; good for much longer. */
const TTL = 60;
const HUNG_MS = 15_000;

/** An agent that is there and says nothing, and somebody else in its place who says nothing either. */
export const agentHangs: Scenario = {
  name: 'agent-hangs',
  via: 'Workload API',
  shows:
    'the agent hangs, then something mute takes its place and keeps the connections when the agent is back: newcomers are told, no request fails, and all get back to the agent',
  async play(stage) {
    const world = await openWorld(stage);
    const { server, agent } = world;
    await server.createEntry({ path: '/carol', parentId: agent.id, uid: USERS.carol, ttl: TTL });
    const traffic = await startTraffic(world, 'Workload API', { ttl: TTL });
    const carol = workloadOf(world, 'carol');

    agent.freeze();
    requireFailure(await carol.attempt(2_000), {
      code: 'ERR_SOURCE_TIMEOUT',
      words: /took the call and has sent nothing/,
    });
    requireFailure(await carol.listSvids(), { code: 'ERR_WORKLOAD_API_TIMEOUT' });
    await sleep(HUNG_MS);
    agent.thaw();
    assert.deepEqual(await carol.attempt(30_000), { ok: true, value: server.id('/carol') });
    await awaitRotations(traffic, 1);

    await agent.kill();
    const mute = await listenMutely(stage, agent.socket);
    await until('both sources are connected to something mute', () => mute.held.size >= 2);
    await rm(agent.socket);
    await agent.restart();
    assert(mute.held.size >= 2, 'it keeps their connections');
    await awaitRotations(traffic, 1);
    return `hung for ${HUNG_MS / 1000} s; ${await traffic.finish()}`;
  },
};

/** Takes connections of everybody, reads, and says nothing. */
async function listenMutely(stage: Stage, path: string): Promise<{ readonly held: ReadonlySet<Socket> }> {
  await rm(path, { force: true });
  const held = new Set<Socket>();
  const server = createServer((socket) => {
    held.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => held.delete(socket));
    socket.resume();
  });
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o777);
  stage.closeLater({
    async close() {
      server.close();
      for (const socket of held) socket.destroy();
    },
  });
  return { held };
}
