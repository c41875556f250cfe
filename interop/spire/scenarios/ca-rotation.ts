import assert from 'node:assert/strict';

import { type Scenario, type Via } from '../scenario.ts';
import { until } from '../until.ts';
import { awaitRotations, type Member, openWorld, startTraffic } from '../world.ts';

/** A new authority of the trust domain, under load, until the old one is gone. */
export function caRotation(via: Via): Scenario {
  return {
    name: 'ca-rotation',
    via,
    shows: 'a new CA is prepared, activated, and the old one tainted and revoked; no request fails',
    async play(stage) {
      const world = await openWorld(stage);
      const { server } = world;
      const traffic = await startTraffic(world, via);
      const both = [traffic.alice, traffic.bob];
      const [old] = await authorities(traffic.bob, server.trustDomain);
      const know = (count: number, what: string) =>
        until(what, async () => {
          const known = await Promise.all(both.map((one) => authorities(one, server.trustDomain)));
          return known.every(({ length }) => length === count);
        });

      await server.authorities(['prepare']);
      await know(2, 'both know the new authority');
      await server.authorities(['activate', '-authorityID', await server.authorityId('prepared')]);
      await awaitRotations(traffic, 2);
      const retired = await server.authorityId('old');
      await server.authorities(['taint', '-authorityID', retired]);
      await awaitRotations(traffic, 2);
      await server.authorities(['revoke', '-authorityID', retired]);
      await know(1, 'both have forgotten the old authority');
      assert.notEqual((await authorities(traffic.bob, server.trustDomain))[0], old);
      await awaitRotations(traffic, 2);
      return traffic.finish();
    },
  };
}

async function authorities({ workload }: Member, trustDomain: string): Promise<readonly string[]> {
  return (await workload.identity()).authorities[trustDomain] ?? [];
}
