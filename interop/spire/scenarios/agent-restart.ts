import { setTimeout as sleep } from 'node:timers/promises';

import { type Scenario, type Via } from '../scenario.ts';
import { until } from '../until.ts';
import { awaitRotations, openWorld, SHORT_TTL, startTraffic, type Traffic } from '../world.ts';

/** An agent that crashes under load. */
export function agentRestart(via: Via): Scenario {
  return {
    name: 'agent-restart',
    via,
    shows: 'the agent is killed and started again, three times; no request fails, and rotation goes on',
    play: (stage) => crash(stage, via, 3, 2),
  };
}

/** The same, a hundred times. */
export function agentRestarts(via: Via): Scenario {
  return {
    name: 'agent-restarts',
    via,
    shows: 'the agent is killed and started again a hundred times under load; no request fails',
    long: true,
    play: (stage) => crash(stage, via, 100, 0, 20),
  };
}

/** Whether the SVIDs of both have at least half of their lives before them. */
async function haveTime({ alice, bob }: Traffic): Promise<boolean> {
  const ends = await Promise.all(
    [alice, bob].map(async ({ workload }) => (await workload.identity()).notAfter),
  );
  return Math.min(...ends) > Date.now() + (SHORT_TTL / 2) * 1_000;
}

async function crash(
  stage: Parameters<Scenario['play']>[0],
  via: Via,
  times: number,
  /** How many rotations to wait for after each. */
  rotations: number,
  /** How many there must have been in all. */
  inAll = 0,
): Promise<string> {
  const world = await openWorld(stage);
  const traffic = await startTraffic(world, via);
  for (let i = 1; i <= times; i += 1) {
    await world.agent.kill();
    await sleep(250); // The workloads are to notice that it is gone.
    await world.agent.restart();
    // Renewals take a moment; with lifetimes of seconds an agent that is killed at once again would bring none.
    await (rotations > 0 ? awaitRotations(traffic, rotations) : sleep(1_500));
    // Whoever asks again after a pause can find it dead each time: then no SVID of seconds outlives the next death.
    await until('both have been renewed lately', () => haveTime(traffic));
    if (i % 10 === 0) stage.say(`killed ${i} times`);
  }
  if (inAll > 0) await awaitRotations(traffic, 1);
  const figures = await traffic.finish();
  const { serials } = await traffic.bob.workload.history();
  if (serials.length <= inAll) throw new Error(`only ${serials.length - 1} rotations; ${figures}`);
  return `${times} times; ${figures}`;
}
