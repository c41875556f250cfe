import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';

import { createTestCa } from '@svidkit/testkit';

import { type Scenario, type Via } from '../scenario.ts';
import { type SpireServer, type SpireServerOptions } from '../spire-server.ts';
import { type Stage } from '../stage.ts';
import { until } from '../until.ts';
import { join, openWorld, requireNoFailure, type World } from '../world.ts';

/** How a bundle endpoint is authenticated. */
type Profile = 'https_spiffe' | 'https_web';

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
      await newAuthority(here, partner, async () => (await known()) === 2);
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

/** Configures servers with a bundle endpoint. */
async function prepareEndpoint(stage: Stage, profile: Profile): Promise<SpireServerOptions> {
  const web = await createTestCa({ trustDomain: 'web.test', id: '' });
  const [authorities, certificate, key] = ['web-ca.pem', 'web.crt', 'web.key'].map((name) =>
    joinPath(stage.folder, name),
  ) as [string, string, string];
  const { certPem, keyPem } = await web.issueLegacy({ dnsNames: ['localhost'] });
  await writeFile(authorities, web.bundlePem);
  await writeFile(certificate, certPem);
  await writeFile(key, keyPem, { mode: 0o600 });
  return {
    bundleEndpoint:
      profile === 'https_spiffe'
        ? 'profile "https_spiffe" {}'
        : `profile "https_web" {
        serving_cert_file { cert_file_path = "${certificate}" key_file_path = "${key}" file_sync_interval = "1h" }
      }`,
    // The authorities of the web that this server trusts.
    env: { SSL_CERT_FILE: authorities },
  };
}

/** Has one server fetch the bundle of the other. */
async function federate(profile: Profile, one: SpireServer, other: SpireServer): Promise<void> {
  const args = [
    '-trustDomain',
    other.trustDomain,
    '-bundleEndpointURL',
    `https://localhost:${other.bundlePort}/`,
    '-bundleEndpointProfile',
    profile,
  ];
  if (profile === 'https_spiffe') {
    const path = joinPath(one.stage.folder, `${other.trustDomain}.json`);
    await writeFile(path, await other.bundle('spiffe'));
    args.push('-endpointSpiffeID', other.id('/spire/server'));
    args.push('-trustDomainBundlePath', path, '-trustDomainBundleFormat', 'spiffe');
  }
  await one.command(['federation', 'create', ...args]);
  await until(`${one.trustDomain} has fetched the bundle of ${other.trustDomain}`, async () => {
    await refresh(one, other);
    return (await one.command(['bundle', 'list', '-id', `spiffe://${other.trustDomain}`])).includes('BEGIN');
  });
}

async function refresh(one: SpireServer, other: SpireServer): Promise<void> {
  await one.command(['federation', 'refresh', '-id', `spiffe://${other.trustDomain}`]);
}

/** Gives the partner a new CA, and waits until workloads here know it before it is used. */
async function newAuthority(here: World, partner: World, known: () => Promise<boolean>): Promise<void> {
  await partner.server.authorities(['prepare']);
  await until('the new authority of the partner is known here', async () => {
    await refresh(here.server, partner.server);
    return known();
  });
  await partner.server.authorities([
    'activate',
    '-authorityID',
    await partner.server.authorityId('prepared'),
  ]);
}
