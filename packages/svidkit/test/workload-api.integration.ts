import { once } from 'node:events';
import { get } from 'node:https';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import {
  createTestCa,
  type FakeWorkloadApi,
  kubeletWriter,
  mountFiles,
  startFakeWorkloadApi,
  type TestCa,
  x509Response,
} from '@svidkit/testkit';
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest';

import {
  authorizeMemberOf,
  type InspectReport,
  peerOf,
  type WorkloadIdentity,
  workloadIdentity,
  type WorkloadIdentityOptions,
} from '../src/index.ts';
import { temporaryDirectory } from './mounted-identity.ts';
import { runSvidkit, runSvidkitHere } from './run-svidkit.ts';

const ca: TestCa = await createTestCa({ trustDomain: 'prod.example' });
const api: FakeWorkloadApi = await startFakeWorkloadApi();
const env = { SPIFFE_ENDPOINT_SOCKET: api.address };
afterAll(() => api.close());
beforeEach(async () => {
  api.fetchX509Svid.send(await answer('/shop', '/admin'));
});

async function answer(...paths: string[]) {
  const svids = await Promise.all(paths.map((path) => ca.issue({ path })));
  return x509Response(svids.map((svid, index) => ({ svid, bundle: ca, hint: paths[index]?.slice(1) ?? '' })));
}

async function mount(): Promise<string> {
  const directory = temporaryDirectory();
  await kubeletWriter(directory, { fileMode: 0o400 }).write(
    mountFiles.secret(await ca.issue({ path: '/mounted' }), ca),
  );
  return directory;
}

async function open(options: WorkloadIdentityOptions): Promise<WorkloadIdentity> {
  const identity = await workloadIdentity(options);
  onTestFinished(() => identity.close());
  return identity;
}

test('the Workload API that the environment names is used, and everything works over it', async () => {
  const identity = await open({ env });
  expect(String(identity.id)).toBe('spiffe://prod.example/shop');
  const authorize = authorizeMemberOf('prod.example');
  const server = identity.createHttpsServer({ authorize }, (request, response) => {
    response.end(peerOf(request).id.toString());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = identity.createHttpsAgent({ authorize });
  const ask = async (): Promise<string> => {
    const [response] = (await once(get({ host: '127.0.0.1', port, agent }), 'response')) as [
      NodeJS.ReadableStream,
    ];
    return text(response);
  };
  expect(await ask()).toBe('spiffe://prod.example/shop');
  const { promise, resolve } = Promise.withResolvers<void>();
  identity.source.onUpdate(() => resolve());
  api.fetchX509Svid.send(await answer('/shop'));
  await promise;
  expect(await ask()).toBe('spiffe://prod.example/shop');
  expect(await identity.shutdown({ deadlineMs: 5_000 })).toMatchObject({ drained: true });
});

test.each<[string, WorkloadIdentityOptions, string]>([
  ['a hint', { workloadApi: { pick: { hint: 'admin' } } }, '/admin'],
  ['expectedId', { expectedId: 'spiffe://prod.example/admin' }, '/admin'],
  ['an address', { env: {}, workloadApi: { address: api.address } }, '/shop'],
  ['true', { workloadApi: true }, '/shop'],
])('option %s of the Workload API counts', async (_name, options, path) => {
  expect((await open({ env, ...options })).id.path).toBe(path);
});

test('what names a mount counts before the socket of the environment', async () => {
  const directory = await mount();
  expect((await open({ env, directory })).id.path).toBe('/mounted');
  expect((await open({ env, searchDirectories: [directory] })).id.path).toBe('/mounted');
  expect((await open({ env, workloadApi: false, searchDirectories: [directory] })).id.path).toBe('/mounted');
  expect((await open({ env: { ...env, SPIFFE_CREDENTIAL_FOLDER: directory } })).id.path).toBe('/mounted');
  expect((await open({ env: { SPIFFE_ENDPOINT_SOCKET: '' }, searchDirectories: [directory] })).id.path).toBe(
    '/mounted',
  );
  await expect(workloadIdentity({ directory, workloadApi: true, env })).rejects.toMatchObject({
    code: 'ERR_CONFIG_OPTION',
  });
});

test('what is wrong with the socket is what opening says', async () => {
  api.fetchX509Svid.refuse(7);
  await expect(workloadIdentity({ env, wait: 0 })).rejects.toMatchObject({
    code: 'ERR_SOURCE_TIMEOUT',
    cause: { code: 'ERR_WORKLOAD_API_DENIED' },
  });
});

test('inspect shows what the Workload API gives', async () => {
  const { exitCode, stdout } = await runSvidkit(['inspect', '--json'], { env });
  const report = JSON.parse(stdout) as InspectReport;
  expect(report).toMatchObject({
    verdict: 'ok',
    directory: null,
    workloadApi: {
      address: api.address,
      identities: [
        { spiffeId: 'spiffe://prod.example/shop', hint: 'shop' },
        { spiffeId: 'spiffe://prod.example/admin', hint: 'admin' },
      ],
      trustDomains: ['prod.example'],
    },
    problems: [],
  });
  expect(exitCode).toBe(0);
  const page = await runSvidkitHere(['inspect'], { env });
  expect(page.stdout).toMatch(/^spiffe:\/\/prod\.example\/shop\n/u);
  expect(page.stdout).toContain('Nothing is wrong.');
  expect(page.exitCode).toBe(0);
});

test('inspect says what is wrong with the socket, and what to do', async () => {
  api.fetchX509Svid.refuse(7, 'no identity issued');
  const denied = await runSvidkitHere(['inspect'], { env });
  expect(denied.exitCode).toBe(1);
  expect(denied.stdout).toContain('error ERR_WORKLOAD_API_DENIED');
  expect(denied.stdout.replaceAll(/\s+/gu, ' ')).toContain('Register this workload');
  expect(denied.stdout).toContain('a service cannot rely on this Workload API');
  const absent = await runSvidkitHere(['inspect', '--json'], {
    env: { SPIFFE_ENDPOINT_SOCKET: 'unix:///nowhere/api.sock' },
  });
  expect(JSON.parse(absent.stdout)).toMatchObject({
    verdict: 'error',
    workloadApi: { address: 'unix:///nowhere/api.sock', identities: [], trustDomains: [] },
    problems: [{ code: 'ERR_WORKLOAD_API_NOT_FOUND' }],
  });
  const bad = await runSvidkitHere(['inspect'], { env: { SPIFFE_ENDPOINT_SOCKET: 'tcp://localhost:1' } });
  expect(bad.stdout).toContain('ERR_WORKLOAD_API_ADDRESS');
});

test('inspect of a directory says nothing of the socket', async () => {
  const directory = await mount();
  const { stdout } = await runSvidkitHere(['inspect', '--json', directory], { env });
  expect(JSON.parse(stdout)).toMatchObject({ directory, workloadApi: null });
});
