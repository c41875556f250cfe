import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';

import { type Scenario } from '../scenario.ts';
import { until } from '../until.ts';
import { join, openWorld } from '../world.ts';

const HERE = 'here.test';
const PARTNER = 'partner.test';

/** A SPIRE server that fetches from a bundle endpoint of svidkit. */
export const ownBundleEndpoint: Scenario = {
  name: 'own-bundle-endpoint',
  via: 'Workload API',
  shows: 'a SPIRE server federates with a bundle endpoint that svidkit serves, and follows a new CA there',
  async play(stage) {
    const here = await openWorld(stage, { trustDomain: HERE });
    const partner = await openWorld(stage, { trustDomain: PARTNER });
    const alice = await join(here, 'alice', 'Workload API');
    const port = await alice.workload.serveBundle();
    const first = joinPath(stage.folder, 'here.json');
    await writeFile(first, await here.server.bundle('spiffe'));
    const federate = async (endpointId: string): Promise<void> => {
      await partner.server.command([
        'federation',
        'create',
        `-trustDomain=${HERE}`,
        `-bundleEndpointURL=https://127.0.0.1:${port}/`,
        '-bundleEndpointProfile=https_spiffe',
        `-endpointSpiffeID=${endpointId}`,
        `-trustDomainBundlePath=${first}`,
        '-trustDomainBundleFormat=spiffe',
      ]);
    };
    const refresh = () => partner.server.command(['federation', 'refresh', '-id', `spiffe://${HERE}`]);
    const known = async (): Promise<number> => {
      const { x509_authorities: authorities } = (await partner.server.ask([
        'bundle',
        'list',
        '-id',
        `spiffe://${HERE}`,
      ])) as { readonly x509_authorities: readonly unknown[] };
      return authorities.length;
    };

    await federate(alice.id);
    assert.equal(await known(), 1);
    const bob = await join(partner, 'bob', 'Workload API', { federatesWith: [HERE] });
    const caller = await bob.workload.identity();
    assert.equal(caller.authorities[HERE]?.length, 1, 'bob knows the partner');

    await here.server.authorities(['prepare']);
    await until('the new authority came over the bundle endpoint', async () => {
      await refresh();
      return (await known()) === 2;
    });
    await until('it came to the workload too', async () => {
      return (await bob.workload.identity()).authorities[HERE]?.length === 2;
    });

    // The twin: under another ID nothing is taken from it.
    await partner.server.command(['federation', 'delete', '-id', `spiffe://${HERE}`]);
    await federate(here.server.id('/other'));
    await assert.rejects(refresh(), /unexpected ID/);
    assert.equal(await known(), 1, 'the bundle that the federation began with');
    return 'two bundles taken, and none under another SPIFFE ID';
  },
};
