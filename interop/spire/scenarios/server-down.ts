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
      const { workload } = traffic.bob;
      const seen = async (): Promise<number> => (await workload.history()).serials.length;

      const first = await seen();
      await until('a renewal', async () => (await seen()) > first);
      await world.server.stop();
      const before = await seen();
      await sleep(DOWN_MS);
      assert.equal(await seen(), before, 'SVIDs seen while the server was away');
      const { notAfter } = await workload.identity();
      assert(notAfter > Date.now(), 'the SVID in use is still good');

      await world.server.restart();
      await until('a renewal after the server came back', async () => (await seen()) > before);
      return `away for ${DOWN_MS / 1000} s; ${await traffic.finish()}`;
    },
  };
}
