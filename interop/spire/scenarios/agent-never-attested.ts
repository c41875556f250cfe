import assert from 'node:assert/strict';

import { type Scenario } from '../scenario.ts';
import { SpireAgent } from '../spire-agent.ts';
import { SpireServer } from '../spire-server.ts';
import { until } from '../until.ts';
import { requireFailure, USERS, workloadOf } from '../world.ts';

/** A machine that comes up before its server: an agent that was never attested, and a workload that waits. */
export const agentNeverAttested: Scenario = {
  name: 'agent-never-attested',
  via: 'Workload API',
  shows:
    'workload and agent start before their server: the workload is told why it has no identity, and gets X.509 and JWT when the others come up, without a restart',
  async play(stage) {
    const server = await SpireServer.start(stage);
    const agent = await SpireAgent.prepare(server, undefined, { patient: true });
    await server.createEntry({ path: '/alice', parentId: agent.id, uid: USERS.alice });
    await server.stop();
    const world = { stage, agent };
    const diagnosis = {
      code: 'ERR_SOURCE_TIMEOUT',
      reason: 'ERR_WORKLOAD_API_NOT_FOUND',
      words: /nothing at that path/,
    };

    // Nobody is up: there is no socket, and while the agent looks for its server there is none either.
    const alice = workloadOf(world, 'alice');
    requireFailure(await alice.attempt(1_000), diagnosis);
    const opening = alice.open();
    const token = alice.fetchJwt('service');
    agent.launch();
    await until('the agent asks for its server', async () => /connection refused/.test(await agent.log(40)));
    requireFailure(await alice.attempt(1_000), diagnosis);
    assert((await alice.troubles()).includes(diagnosis.reason), 'who waits is told meanwhile');

    await server.restart();
    assert.equal((await opening).id, server.id('/alice'));
    assert.equal((await token).id, server.id('/alice'));
    const { health, problems } = await alice.history();
    assert.deepEqual({ health, problems }, { health: 'fresh', problems: [] }, 'nothing of it is left');
    return `diagnosis ${diagnosis.reason}, then identity and token of ${server.id('/alice')}`;
  },
};
