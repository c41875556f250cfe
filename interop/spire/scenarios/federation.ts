import assert from 'node:assert/strict';

import { federate, newAuthority, prepareEndpoint, type Profile, refresh } from '../federate.ts';
import { type Scenario, type Via } from '../scenario.ts';
import { until } from '../until.ts';
import { join, openWorld, requireNoFailure } from '../world.ts';

const HERE = 'here.test';
const PARTNER = 'partner.test';

/** Two trust domains whose servers fetch each other's bundle. */
export function federation(profile: Profile, via: Via): Scenario {
  return {
    name: `federation-${profile.replace('_', '-')}`,
    via,
    shows: `two SPIRE servers federate by ${profile}; workloads follow a new CA of the partner, and the end of the federation`,
    async play(stage) {
      const options = await prepareEndpoint(stage, profile);
      const here = await openWorld(stage, { trustDomain: HERE, ...options });
      const partner = await openWorld(stage, { trustDomain: PARTNER, ...options });
      await federate(profile, here.server, partner.server);
      await federate(profile, partner.server, here.server);

      const alice = await join(here, 'alice', via, { federatesWith: [PARTNER] });
      const lonely = await join(here, 'carol', via);
      const bob = await join(partner, 'bob', via, { federatesWith: [HERE] });
      const [port, closed] = [
        await alice.workload.serveHttps({ authorize: bob.id }),
        await lonely.workload.serveHttps({ authorize: bob.id }),
      ];
      const call = { target: `https://127.0.0.1:${port}/`, authorize: alice.id };
      const answered = await bob.workload.callHttps(call);
      assert(answered.ok, answered.ok ? '' : answered.message);
      assert.deepEqual(JSON.parse(answered.answer), { peer: bob.id });
      const refused = { target: `https://127.0.0.1:${closed}/`, authorize: lonely.id };
      assert.equal(
        (await bob.workload.callHttps(refused)).ok,
        false,
        'who has no bundle of the partner refuses',
      );
      assert.deepEqual((await lonely.workload.served()).rejections, ['ERR_BUNDLE_UNKNOWN']);

      await bob.workload.startLoad(call);
      const known = async (): Promise<number> =>
        (await alice.workload.identity()).authorities[PARTNER]?.length ?? 0;
      await newAuthority(partner.server, async () => {
        await refresh(here.server, partner.server);
        return (await known()) === 2;
      });
      const before = (await alice.workload.served()).clientSerials.length;
      await until('an SVID of the new CA is in use', async () => {
        return (await alice.workload.served()).clientSerials.length > before + 1;
      });
      const load = await bob.workload.stopLoad();
      requireNoFailure(load);

      await here.server.command(['federation', 'delete', '-id', `spiffe://${PARTNER}`]);
      await here.server.command(['bundle', 'delete', '-id', `spiffe://${PARTNER}`, '-mode', 'dissociate']);
      await until('the bundle of the partner is gone', async () => (await known()) === 0);
      assert.equal((await bob.workload.callHttps(call)).ok, false, 'after the federation ended');
      return `${load.requests} requests between trust domains while one of them changed its CA, none failed`;
    },
  };
}
