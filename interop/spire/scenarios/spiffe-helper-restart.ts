import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Scenario } from '../scenario.ts';
import { awaitRotations, openWorld, startTraffic } from '../world.ts';

/** Whoever writes the files crashes, under load. */
export const spiffeHelperRestart: Scenario = {
  name: 'spiffe-helper-restart',
  via: 'spiffe-helper',
  shows: 'spiffe-helper is killed and started again on both sides, five times; no request fails',
  async play(stage) {
    const traffic = await startTraffic(await openWorld(stage), 'spiffe-helper');
    for (let i = 0; i < 5; i += 1) {
      for (const { helper } of [traffic.alice, traffic.bob]) {
        assert(helper);
        await helper.kill();
        await sleep(250);
        await helper.restart();
      }
      await awaitRotations(traffic, 1);
    }
    return `five times; ${await traffic.finish()}`;
  },
};
