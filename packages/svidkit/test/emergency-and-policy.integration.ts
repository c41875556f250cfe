import { once } from 'node:events';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { type IncomingMessage } from 'node:http';
import { createSecureServer } from 'node:http2';
import { request, type RequestOptions } from 'node:https';
import { type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';

import { createTestCa, kubeletWriter, mountFiles, type TestCa } from '@svidkit/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  authorizeAny,
  authorizeId,
  authorizeByPolicy,
  peerOf,
  workloadIdentity,
  type WorkloadIdentityOptions,
} from '../src/index.ts';
import { temporaryDirectory } from './mounted-identity.ts';

/** Replaces a file whole, as careful writers do. */
function replace(file: string, document: unknown): void {
  writeFileSync(`${file}.new`, typeof document === 'string' ? document : JSON.stringify(document));
  renameSync(`${file}.new`, file);
}

const allow = (...ids: string[]) => ({ version: 1, allow: { shop: ids } });

async function identityAt(ca: TestCa, path: string, options: WorkloadIdentityOptions = {}) {
  const directory = join(temporaryDirectory(), 'mount');
  await kubeletWriter(directory, { fileMode: 0o400 }).write(mountFiles.secret(await ca.issue({ path }), ca));
  const identity = await workloadIdentity({ directory, ...options });
  onTestFinished(() => identity.close());
  return identity;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, agent: RequestOptions['agent']): Promise<IncomingMessage> {
  const asked = request({ host: '127.0.0.1', port, agent });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

describe('a mounted deny list', () => {
  test('closes the connections of whoever it names, of no one else, and refuses new ones', async () => {
    const ca = await createTestCa({ trustDomain: 'prod.example' });
    const folder = temporaryDirectory();
    mkdirSync(folder, { recursive: true });
    const denyFile = join(folder, 'deny.json');
    replace(denyFile, { version: 1, deny: { ids: [] } });
    const shop = await identityAt(ca, '/shop', { denyFile });
    const server = shop.createHttpsServer({ authorize: authorizeAny() }, (incoming, response) => {
      response.end(String(peerOf(incoming).id));
    });
    const port = await listen(server);
    const good = (await identityAt(ca, '/good')).createHttpsAgent({ authorize: authorizeAny() });
    const stolen = (await identityAt(ca, '/stolen')).createHttpsAgent({ authorize: authorizeAny() });
    const [goodAnswer, stolenAnswer] = [await ask(port, good), await ask(port, stolen)];
    const [goodSocket, stolenSocket] = [goodAnswer.socket, stolenAnswer.socket];
    goodAnswer.resume();
    stolenAnswer.resume();

    const closed = once(stolenSocket, 'close');
    replace(denyFile, { version: 1, deny: { ids: ['spiffe://prod.example/stolen'] } });
    await closed;

    await expect(ask(port, stolen)).rejects.toMatchObject({ code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE' });
    expect(goodSocket.destroyed).toBe(false);
    (await ask(port, good)).resume();

    replace(denyFile, { version: 1, deny: { ids: [] } });
    let answer: IncomingMessage | undefined;
    while (answer === undefined) answer = await ask(port, stolen).catch(() => undefined);
    expect(answer.resume().statusCode).toBe(200);
  });

  test('has to be there from the beginning, and whole', async () => {
    const ca = await createTestCa({ trustDomain: 'prod.example' });
    const denyFile = join(temporaryDirectory(), 'deny.json');

    await expect(identityAt(ca, '/shop', { denyFile })).rejects.toMatchObject({
      code: 'ERR_MOUNT_NOT_FOUND',
      file: denyFile,
    });
    replace(denyFile, '{ "version": 1, "deny": { "idz": [] } }');
    await expect(identityAt(ca, '/shop', { denyFile })).rejects.toMatchObject({
      code: 'ERR_POLICY_INVALID',
      file: denyFile,
    });
  });
});

describe('a mounted policy', () => {
  test('says at every moment who may come in, and a broken one changes nothing', async () => {
    const ca = await createTestCa({ trustDomain: 'prod.example' });
    const policyFile = join(temporaryDirectory(), 'policy.json');
    replace(policyFile, allow('spiffe://prod.example/one'));
    const shop = await identityAt(ca, '/shop', { policyFile });
    const { policy } = shop;
    if (policy === undefined) throw new Error('want a policy');
    const server = shop.createHttpsServer({ authorize: authorizeByPolicy(policy, 'shop') }, (_, response) => {
      response.end();
    });
    const port = await listen(server);
    const agentOf = async (path: string) =>
      (await identityAt(ca, path)).createHttpsAgent({ authorize: authorizeAny(), keepAlive: false });
    const [one, other] = [await agentOf('/one'), await agentOf('/other')];
    (await ask(port, one)).resume();
    await expect(ask(port, other)).rejects.toMatchObject({ code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE' });

    const changed = Promise.withResolvers<void>();
    policy.onUpdate(() => changed.resolve());
    replace(policyFile, allow('spiffe://prod.example/other'));
    await changed.promise;

    (await ask(port, other)).resume();
    await expect(ask(port, one)).rejects.toMatchObject({ code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE' });
  });
});

test('fetch of an identity goes to whom it may, sees each rotation, and ends with the identity', async () => {
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  const shop = await identityAt(ca, '/shop');
  const server = shop.createHttpsServer({ authorize: authorizeAny() }, (incoming, response) => {
    response.end(`${String(peerOf(incoming).id)} ${peerOf(incoming).certificate.serialNumber}`);
  });
  const port = await listen(server);
  const web = await identityAt(ca, '/web');
  const ids = {
    shop: authorizeId('spiffe://prod.example/shop'),
    other: authorizeId('spiffe://prod.example/other'),
  };
  const fetch = web.createFetch({ authorize: ids.shop });

  const body = await (await fetch(`https://127.0.0.1:${port}/`)).text();

  expect(body).toBe(`spiffe://prod.example/web ${web.source.current.svid.leaf.serialNumber}`);
  await expect(web.createFetch({ authorize: ids.other })(`https://127.0.0.1:${port}/`)).rejects.toMatchObject(
    {
      cause: { code: 'ERR_PEER_UNAUTHORIZED' },
    },
  );
  expect(() => web.createFetch({ authorize: ids.shop, connect: {} })).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
  );
  await web.close();
  await expect(fetch(`https://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
});

test('an HTTP/2 client of an identity follows it, and ends with it', async () => {
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  const shop = await identityAt(ca, '/shop');
  const server = shop.secureServer(
    createSecureServer({}, (incoming, response) => response.end(String(peerOf(incoming).id))),
    { authorize: authorizeAny() },
  );
  const port = await listen(server);
  const web = await identityAt(ca, '/web');
  const client = web.createHttp2Client(`https://127.0.0.1:${port}`, { authorize: authorizeAny() });

  const stream = await client.request({ ':path': '/' });
  let body = '';
  for await (const chunk of stream.setEncoding('utf8')) body += String(chunk);

  expect(body).toBe('spiffe://prod.example/web');
  await web.close();
  await expect(client.session()).rejects.toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
  expect(() => web.createHttp2Client('https://127.0.0.1', { authorize: authorizeAny() })).toThrow(
    expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }),
  );
});
