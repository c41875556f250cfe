import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, expect, it } from 'vitest';

import { CLIENTS, closeAll, closing, SERVICES, world } from './fixtures.ts';
import { runChild } from './run-child.ts';

afterEach(closeAll);

/** A folder with an impostor of a.test that has a DNS name too, so that anyone could take it for a web server. */
async function impostor(): Promise<string> {
  const { rogue } = await world();
  const folder = await mkdtemp(join(tmpdir(), 'svidkit-tls-'));
  closing(folder, (path) => rm(path, { recursive: true, force: true }));
  const { certPem, keyPem } = await rogue.issue({ extraNames: [{ type: 'dns', value: 'localhost' }] });
  await writeFile(join(folder, 'cert.pem'), certPem);
  await writeFile(join(folder, 'key.pem'), keyPem);
  await writeFile(join(folder, 'root.pem'), rogue.pem);
  return folder;
}

const expected: Record<string, unknown> = {
  'plain tls.connect to the impostor': 'succeeded',
  'judgements of tlsClientOptions without a bundle': 0,
  'bytes given to the impostor': 0,
};
for (const name of Object.keys(CLIENTS)) {
  for (const host of ['127.0.0.1', 'localhost']) {
    expected[`${name} to the impostor at ${host}`] = 'failed';
    expected[`${name} to an honest server at ${host}`] = 'succeeded';
  }
  expected[`${name} to the impostor without a bundle`] = 'failed';
}
for (const name of Object.keys(SERVICES)) {
  expected[`${name} handled the impostor or nobody`] = 0;
  expected[`${name} handled an honest client`] = 1;
}

const environments: Record<
  string,
  (folder: string) => { env?: NodeJS.ProcessEnv; execArgv?: string[]; args?: string[] }
> = {
  'NODE_TLS_REJECT_UNAUTHORIZED=0': () => ({ env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } }),
  'NODE_EXTRA_CA_CERTS with the root of an impostor': (folder) => ({
    env: { NODE_EXTRA_CA_CERTS: join(folder, 'root.pem') },
  }),
  'SSL_CERT_FILE with the root of an impostor and --use-openssl-ca': (folder) => ({
    env: { SSL_CERT_FILE: join(folder, 'root.pem') },
    execArgv: ['--use-openssl-ca'],
  }),
  'setDefaultCACertificates with the root of an impostor': () => ({ args: ['set-default'] }),
};

it.each(Object.entries(environments))('trap: %s changes nothing', async (_, environment) => {
  const folder = await impostor();
  const { env = {}, execArgv = [], args = [] } = environment(folder);

  const { code, stdout, stderr } = await runChild('hostile-environment.ts', {
    env,
    execArgv,
    args: [folder, ...args],
  });

  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual(expected);
});

it('trap: a lowered TLS floor of the process (--tls-min-v1.0, default ciphers at level 0) changes nothing', async () => {
  const { code, stdout, stderr } = await runChild('lowered-floor.ts', {
    execArgv: ['--tls-min-v1.0', '--tls-cipher-list=ALL:@SECLEVEL=0'],
  });

  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    'a plain server speaks': ['TLSv1.2', 'TLSv1.3'],
    'a server of ours speaks': ['TLSv1.3'],
    'a server of ours with TLS 1.2 opted in speaks': ['TLSv1.2', 'TLSv1.3'],
  });
});
