import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createTestJwtAuthority, renameWriter, startFakeWorkloadApi } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import {
  bearerFetch,
  JwtBundleSet,
  validateJwtSvid,
  workloadJwtSource,
  type WorkloadJwtSourceOptions,
} from '../src/jwt.ts';
import { temporaryDirectory } from './mounted-identity.ts';

const authority = createTestJwtAuthority({ trustDomain: 'prod.example' });
const issue = (subject: string): string => authority.issue({ subject, audience: 'db' });

async function open(options: WorkloadJwtSourceOptions) {
  const source = await workloadJwtSource(options);
  onTestFinished(() => source.close());
  return source;
}

async function startAgent() {
  const agent = await startFakeWorkloadApi();
  onTestFinished(() => agent.close());
  agent.fetchJwtBundles.send({ bundles: { 'spiffe://prod.example': Buffer.from(authority.jwks()) } });
  agent.fetchJwtSvid.send(({ audience }) => ({
    svids: [{ spiffeId: 'spiffe://prod.example/web', svid: authority.issue({ subject: '/web', audience }) }],
  }));
  return agent;
}

/** What spiffe-helper writes. */
async function writeFiles(): Promise<{ directory: string; svids: string[]; bundle: string }> {
  const directory = temporaryDirectory();
  await renameWriter(directory, { fileMode: 0o600 }).write({
    'db.token': issue('/mounted'),
    'bundle.json': JSON.stringify({ 'prod.example': Buffer.from(authority.jwks()).toString('base64') }),
  });
  return { directory, svids: ['db.token'], bundle: 'bundle.json' };
}

test('without files, tokens come from the Workload API that the environment names', async () => {
  const agent = await startAgent();
  const source = await open({ env: { SPIFFE_ENDPOINT_SOCKET: agent.address } });
  const { id, token } = await source.fetchJwtSvid({ audience: 'db' });
  expect(id.path).toBe('/web');
  expect((await source.validateJwtSvid(token, { audience: 'db' })).verified).toBe(true);
  expect(source.health()).toMatchObject({ ready: true, problems: [] });
});

test('option workloadApi names another address than the environment', async () => {
  const agent = await startAgent();
  const env = { SPIFFE_ENDPOINT_SOCKET: 'unix:///nowhere' };
  const source = await open({ env, workloadApi: { address: agent.address } });
  expect((await source.fetchJwtSvid({ audience: 'db' })).id.path).toBe('/web');
});

test('files that are named count before the socket of the environment', async () => {
  const agent = await startAgent();
  const source = await open({ ...(await writeFiles()), env: { SPIFFE_ENDPOINT_SOCKET: agent.address } });
  expect((await source.fetchJwtSvid({ audience: 'db' })).id.path).toBe('/mounted');
  await expect(source.validateJwtSvid(issue('/peer'), { audience: 'db' })).resolves.toMatchObject({
    verified: true,
  });
  expect(agent.fetchJwtBundles.calls).toEqual([]);
});

test.each<[string, () => Promise<WorkloadJwtSourceOptions>, string]>([
  [
    'files and the Workload API',
    async () => ({ ...(await writeFiles()), workloadApi: true }),
    'ERR_CONFIG_OPTION',
  ],
  ['neither', async () => ({ workloadApi: false }), 'ERR_CONFIG_OPTION'],
  ['no address', async () => ({ env: {} }), 'ERR_WORKLOAD_API_ADDRESS'],
])('with %s it does not open', async (_name, options, code) => {
  await expect(workloadJwtSource(await options())).rejects.toMatchObject({ code });
});

test('a token is sent, and validated by its bundle', async () => {
  const source = await open(await writeFiles());
  const bundles = JwtBundleSet.of(authority.bundle());
  const server = createServer((request, response) => {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? '';
    void validateJwtSvid(token, bundles, { audience: 'db' }).then(
      ({ id }) => response.end(id.toString()),
      (error: { readonly code: string }) => response.end(error.code),
    );
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect(await (await bearerFetch(fetch, source, { audience: 'db' })(url)).text()).toBe(
    'spiffe://prod.example/mounted',
  );
  expect(await (await fetch(url)).text()).toBe('ERR_JWT_MALFORMED');
});

/** Tells on the standard output which packages a program has loaded by then. */
const RECORD = `
  import { registerHooks } from 'node:module';
  const seen = new Set();
  globalThis.loaded = () => [...seen].filter((name) => ['jose', 'undici', '@svidkit/workload-api'].includes(name)).join();
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith('.')) seen.add(specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/'));
      return next(specifier, context);
    },
  });
`;

test('jose is loaded with the first token, and other optional packages not at all', async () => {
  const program = `
    await import('svidkit');
    const { JwtBundleSet, validateJwtSvid } = await import('svidkit/jwt');
    console.log(loaded());
    const { createTestJwtAuthority } = await import('@svidkit/testkit');
    const authority = createTestJwtAuthority();
    const token = authority.issue({ subject: '/web', audience: 'db' });
    await validateJwtSvid(token, JwtBundleSet.of(authority.bundle()), { audience: 'db' });
    console.log(loaded());
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--conditions=@svidkit/source',
      `--import=data:text/javascript,${encodeURIComponent(RECORD)}`,
      '--input-type=module',
      `--eval=${program}`,
    ],
    { cwd: join(import.meta.dirname, '..') },
  );
  const [before, after] = stdout.split('\n');
  expect(before).toBe('');
  expect(after?.split(',')).toContain('jose');
});
