import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { newAuthority, prepareEndpoint, type Profile } from '../federate.ts';
import { type Scenario } from '../scenario.ts';
import { type SpireServer } from '../spire-server.ts';
import { until } from '../until.ts';
import { type Federate } from '../workload/commands.ts';
import { join, openWorld, requireNoFailure } from '../world.ts';

const HERE = 'here.test';
const PARTNER = 'partner.test';

/** Two trust domains whose servers know nothing of each other: workloads ask the bundle endpoints themselves. */
export function ownFederation(profile: Profile): Scenario {
  return {
    name: `own-federation-${profile.replace('_', '-')}`,
    via: 'Workload API',
    shows: `svidkit itself follows the bundle endpoints of two SPIRE servers by ${profile}, and a new CA of one`,
    async play(stage) {
      const options = await prepareEndpoint(stage, profile);
      const here = await openWorld(stage, { trustDomain: HERE, ...options });
      const partner = await openWorld(stage, { trustDomain: PARTNER, ...options });
      const [toHere, toPartner] = await Promise.all(
        [here.server, partner.server].map((server) =>
          endpointOf(profile, server, options.env?.['SSL_CERT_FILE']),
        ),
      );
      assert(toHere && toPartner);

      const alice = await join(here, 'alice', 'Workload API', { federate: [toPartner] });
      const lonely = await join(here, 'carol', 'Workload API');
      const bob = await join(partner, 'bob', 'Workload API', { federate: [toHere] });
      const [port, closed] = [
        await alice.workload.serveHttps({ authorize: bob.id }),
        await lonely.workload.serveHttps({ authorize: bob.id }),
      ];
      const call = { target: `https://127.0.0.1:${port}/`, authorize: alice.id };
      const answered = await bob.workload.callHttps(call);
      assert(answered.ok, answered.ok ? '' : answered.message);
      const refused = { target: `https://127.0.0.1:${closed}/`, authorize: lonely.id };
      assert.equal((await bob.workload.callHttps(refused)).ok, false, 'who follows no endpoint refuses');
      assert.deepEqual((await lonely.workload.served()).rejections, ['ERR_BUNDLE_UNKNOWN']);

      await bob.workload.startLoad(call);
      await newAuthority(partner.server, async () => {
        const { authorities } = await alice.workload.identity();
        return authorities[PARTNER]?.length === 2;
      });
      const before = (await alice.workload.served()).clientSerials.length;
      await until('an SVID of the new CA is in use', async () => {
        return (await alice.workload.served()).clientSerials.length > before + 1;
      });
      const load = await bob.workload.stopLoad();
      requireNoFailure(load);
      return `${load.requests} requests between trust domains while one of them changed its CA, none failed`;
    },
  };
}

async function endpointOf(
  profile: Profile,
  server: SpireServer,
  webRoots: string | undefined,
): Promise<Federate> {
  const { trustDomain, bundlePort } = server;
  const endpoint = { trustDomain, url: `https://localhost:${bundlePort}/` };
  if (profile === 'https_web') {
    assert(webRoots);
    return { ...endpoint, webRoots: await readFile(webRoots, 'utf8') };
  }
  const document = await server.bundle('spiffe');
  return { ...endpoint, endpoint: { id: server.id('/spire/server'), document } };
}
