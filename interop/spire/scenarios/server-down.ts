import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Scenario, type Via } from '../scenario.ts';
import { until } from '../until.ts';
import { openWorld, startTraffic } from '../world.ts';

/** Renewed after ten seconds; good for twenty more. */
const TTL = 30;
const DOWN_MS = 12_000;

/** A server that is away when SVIDs should be renewed. */
export function serverDown(via: Via): Scenario {
  return {
    name: 'server-down',
    via,
    shows: 'the server is away when renewals are due; no request fails, and they come when it is back',
    async play(stage) {
      const world = await openWorld(stage);
      const traffic = await startTraffic(world, via, { ttl: TTL });
      const both = [traffic.alice.workload, traffic.bob.workload];
      const seen = () => Promise.all(both.map(async (one) => (await one.history()).serials.length));
      const renewed = (what: string, before: readonly number[]) =>
        until(what, async () => (await seen()).every((count, i) => count > (before[i] ?? 0)));

      await renewed('a renewal of both', await seen());
      await world.server.stop();
      const before = await seen();
      await sleep(DOWN_MS);
      assert.deepEqual(await seen(), before, 'SVIDs seen while the server was away');

      await world.server.restart();
      await renewed('a renewal of both after the server came back', before);
      return `away for ${DOWN_MS / 1000} s; ${await traffic.finish()}`;
    },
  };
}
