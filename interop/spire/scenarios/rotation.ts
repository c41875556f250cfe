import { type Scenario, type Via } from '../scenario.ts';
import { awaitRotations, openWorld, startTraffic } from '../world.ts';

const ROTATIONS = 8;

/** SVIDs that live for seconds, under load. */
export function rotation(via: Via): Scenario {
  return {
    name: 'rotation',
    via,
    shows: 'two local users speak mutual TLS while both of their SVIDs rotate; no request fails',
    async play(stage) {
      const traffic = await startTraffic(await openWorld(stage), via);
      await awaitRotations(traffic, ROTATIONS);
      return traffic.finish();
    },
  };
}
