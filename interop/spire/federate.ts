import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createTestCa } from '@svidkit/testkit';

import { type SpireServer, type SpireServerOptions } from './spire-server.ts';
import { type Stage } from './stage.ts';
import { until } from './until.ts';

/** How a bundle endpoint is authenticated. */
export type Profile = 'https_spiffe' | 'https_web';

/** Configures servers with a bundle endpoint. */
export async function prepareEndpoint(stage: Stage, profile: Profile): Promise<SpireServerOptions> {
  const web = await createTestCa({ trustDomain: 'web.test', id: '' });
  const [authorities, certificate, key] = ['web-ca.pem', 'web.crt', 'web.key'].map((name) =>
    join(stage.folder, name),
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
export async function federate(profile: Profile, one: SpireServer, other: SpireServer): Promise<void> {
  const args = [
    '-trustDomain',
    other.trustDomain,
    '-bundleEndpointURL',
    `https://localhost:${other.bundlePort}/`,
    '-bundleEndpointProfile',
    profile,
  ];
  if (profile === 'https_spiffe') {
    const path = join(one.stage.folder, `${other.trustDomain}.json`);
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

/** Has one server fetch the bundle of the other now. */
export async function refresh(one: SpireServer, other: SpireServer): Promise<void> {
  await one.command(['federation', 'refresh', '-id', `spiffe://${other.trustDomain}`]);
}

/** Gives a server a new CA, and waits until its partners know it before it is used. */
export async function newAuthority(server: SpireServer, known: () => Promise<boolean>): Promise<void> {
  await server.authorities(['prepare']);
  await until(`the new authority of ${server.trustDomain} is known`, known);
  await server.authorities(['activate', '-authorityID', await server.authorityId('prepared')]);
}
