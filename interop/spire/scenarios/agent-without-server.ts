import assert from 'node:assert/strict';

import { type Scenario } from '../scenario.ts';
import { SpireAgent } from '../spire-agent.ts';
import { SpireServer } from '../spire-server.ts';
import { until } from '../until.ts';
import { awaitRotations, requireFailure, startTraffic, USERS, workloadOf } from '../world.ts';

/** Seconds: longer than an agent takes to find its server again. */
const TTL = 90;

/** An agent that crashes while its server is away: SPIRE's has its SVID on disk, and does not serve without the server. */
export const agentWithoutServer: Scenario = {
  name: 'agent-without-server',
  via: 'Workload API',
  shows:
    'the agent is restarted while its server is away, and serves nobody: who has an identity keeps it, who has none is told why; all go on when the server is back',
  async play(stage) {
    const server = await SpireServer.start(stage);
    const agent = await SpireAgent.start(server, undefined, { patient: true });
    const world = { stage, server, agent };
    await server.createEntry({ path: '/carol', parentId: agent.id, uid: USERS.carol, ttl: TTL });
    const traffic = await startTraffic(world, 'Workload API', { ttl: TTL });

    await server.stop();
    await agent.kill();
    agent.launch();
    await until('the agent asks for its server', async () => /connection refused/.test(await agent.log(40)));
    const carol = workloadOf(world, 'carol');
    requireFailure(await carol.attempt(2_000), {
      code: 'ERR_SOURCE_TIMEOUT',
      // The socket of the agent that was killed is still there.
      reason: 'ERR_WORKLOAD_API_UNREACHABLE',
      words: /nobody who listens there/,
    });
    assert.equal(await agent.serves(), false, 'an agent without its server does not serve');
    const opening = carol.open();
    for (const { workload } of [traffic.alice, traffic.bob]) {
      assert.equal((await workload.history()).health, 'fresh', 'who has an identity keeps it');
    }

    await server.restart();
    await agent.ready();
    assert.equal((await opening).id, server.id('/carol'), 'who waited has its identity, without a restart');
    await awaitRotations(traffic, 1);
    return `diagnosis ERR_WORKLOAD_API_UNREACHABLE; ${await traffic.finish()}`;
  },
};
