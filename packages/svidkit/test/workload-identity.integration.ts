import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { createSecureServer, type Http2Server, type Http2Session } from 'node:http2';
import { type RequestOptions, request } from 'node:https';
import { type AddressInfo, connect as connectTcp, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';

import { createTestCa, manualClock } from '@svidkit/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizePath,
  isSpiffeError,
  peerOf,
  type WorkloadIdentity,
  workloadIdentity,
} from '../src/index.ts';
import { mountedIdentity, temporaryDirectory } from './mounted-identity.ts';

const TRUST_DOMAIN = 'prod.example';
const SHOP = `spiffe://${TRUST_DOMAIN}/shop`;
const WEB = `spiffe://${TRUST_DOMAIN}/web`;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Asks a server; resolves when the head of the response is there. */
function ask(port: number, agent: RequestOptions['agent']): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request({ host: 'localhost', family: 4, port, agent }, resolve).on('error', reject).end();
  return promise;
}

/** A server whose requests wait until they are let go. */
async function slowServer(identity: WorkloadIdentity): Promise<{
  server: Server;
  port: number;
  arrived: Promise<void>;
  release: () => void;
}> {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const server = identity.createHttpsServer({ authorize: authorizeAny() }, (_request, response) => {
    void released.promise.then(() => response.end('done'));
    arrived.resolve();
  });
  onTestFinished(() => server.closeAllConnections());
  return { server, port: await listen(server), arrived: arrived.promise, release: released.resolve };
}

describe('two identities of one trust domain', () => {
  test('speak HTTPS, know each other, and go on with new certificates after a rotation', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const shop = await mountedIdentity(ca, { path: '/shop' });
    const web = await mountedIdentity(ca, { path: '/web' });
    expect(String(shop.identity.id)).toBe(SHOP);
    expect(shop.identity.health()).toMatchObject({ status: 'fresh', ready: true, problems: [] });

    const server = shop.identity.createHttpsServer({ authorize: authorizeId(WEB) }, (incoming, response) => {
      const { id, certificate } = peerOf(incoming);
      response.end(`${id.toString()} ${certificate.serialNumber}`);
    });
    const port = await listen(server);
    const agent = web.identity.createHttpsAgent({ authorize: authorizeId(SHOP) });

    const first = await ask(port, agent);
    const before = peerOf(first);
    expect(String(before.id)).toBe(SHOP);
    expect(await text(first)).toBe(`${WEB} ${web.identity.source.current.svid.leaf.serialNumber}`);

    await shop.renew();
    await web.renew();
    const second = await ask(port, agent);
    const after = peerOf(second);
    expect(String(after.id)).toBe(SHOP);
    expect(after.certificate.serialNumber).toBe(shop.identity.source.current.svid.leaf.serialNumber);
    expect(after.certificate.serialNumber).not.toBe(before.certificate.serialNumber);
    expect(await text(second)).toBe(`${WEB} ${web.identity.source.current.svid.leaf.serialNumber}`);

    expect(await shop.identity.shutdown()).toMatchObject({ servers: 1, drained: true });
  });

  test('whoever is not authorised reaches no listener, and the one who is does', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const shop = await mountedIdentity(ca, { path: '/shop' });
    const web = await mountedIdentity(ca, { path: '/web/frontend' });
    const batch = await mountedIdentity(ca, { path: '/batch' });
    const callers: string[] = [];
    const authorize = authorizePath(TRUST_DOMAIN, '/web/*');
    const server = shop.identity.createHttpsServer({ authorize }, (incoming, response) => {
      callers.push(String(peerOf(incoming).id));
      response.end();
    });
    const port = await listen(server);
    const options = { authorize: authorizeMemberOf(TRUST_DOMAIN) };

    await expect(ask(port, batch.identity.createHttpsAgent(options))).rejects.toThrow(
      'ended the connection before it sent a byte',
    );
    expect(callers).toEqual([]);
    expect((await ask(port, web.identity.createHttpsAgent(options))).resume().statusCode).toBe(200);
    expect(callers).toEqual([`${WEB}/frontend`]);
    await shop.identity.shutdown();
  });

  test('speak plain TLS, by a connection of ours and by one that another library opens', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const shop = await mountedIdentity(ca, { path: '/shop' });
    const web = await mountedIdentity(ca, { path: '/web' });
    const server = shop.identity.createTlsServer({ authorize: authorizeId(WEB) }, (socket) => {
      socket.end(`hello ${peerOf(socket).id.toString()}`);
    });
    const port = await listen(server);
    const authorize = authorizeId(SHOP);

    const ours = await web.identity.connectTls({ host: '127.0.0.1', port, authorize });
    expect(String(peerOf(ours).id)).toBe(SHOP);
    expect(await text(ours)).toBe(`hello ${WEB}`);

    const theirs = connect({ host: '127.0.0.1', port, ...web.identity.tlsClientOptions({ authorize }) });
    expect(await text(theirs)).toBe(`hello ${WEB}`);

    const wrong = connect({
      host: '127.0.0.1',
      port,
      ...web.identity.tlsClientOptions({ authorize: authorizeId(`${SHOP}/other`) }),
    });
    await expect(once(wrong, 'secureConnect')).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    await shop.identity.shutdown();
  });
});

describe('shutdown', () => {
  test('lets a request in flight finish, takes no more, and then closes the identity', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const shop = await mountedIdentity(ca, { path: '/shop' });
    const web = await mountedIdentity(ca, { path: '/web' });
    const { server, port, arrived, release } = await slowServer(shop.identity);
    const agent = web.identity.createHttpsAgent({ authorize: authorizeId(SHOP) });
    const answer = ask(port, agent);
    await arrived;

    const ending = shop.identity.shutdown({ servers: [server], deadlineMs: 60_000 });
    expect(shop.identity.health()).toMatchObject({
      status: 'fresh',
      ready: false,
      problems: ['This process is shutting down.'],
    });
    await expect(once(connectTcp(port, '127.0.0.1'), 'connect')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    expect(shop.identity.source.closed.aborted).toBe(false);

    release();
    const response = await answer;
    expect(response.headers.connection).toBe('close');
    expect(await text(response)).toBe('done');
    const summary = await ending;
    expect(summary).toMatchObject({ servers: 1, drained: true, destroyedConnections: 0 });
    expect(shop.identity.source.closed.aborted).toBe(true);
    expect(await shop.identity.shutdown({ servers: [], deadlineMs: 0 })).toBe(summary);
  });

  test('destroys at the deadline what does not end, and says how many', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN, clock });
    const shop = await mountedIdentity(ca, { path: '/shop' }, { clock });
    const web = await mountedIdentity(ca, { path: '/web' }, { clock });
    const { port, arrived } = await slowServer(shop.identity);
    const answer = ask(port, web.identity.createHttpsAgent({ authorize: authorizeId(SHOP) }));
    await arrived;

    const ending = shop.identity.shutdown({ deadlineMs: 5000 });
    clock.advance(4999);
    expect(shop.identity.source.closed.aborted).toBe(false);
    clock.advance(1);
    await expect(answer).rejects.toMatchObject({ code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE' });
    expect(await ending).toEqual({ servers: 1, drained: false, destroyedConnections: 1, tookMs: 5000 });
    expect(shop.identity.source.closed.aborted).toBe(true);
  });

  test('lets a request that we made finish, but not beyond a deadline that was missed', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN, clock });
    const shop = await mountedIdentity(ca, { path: '/shop' }, { clock });
    const [one, other] = [await slowServer(shop.identity), await slowServer(shop.identity)];
    const authorize = authorizeId(SHOP);

    const patient = await mountedIdentity(ca, { path: '/web' }, { clock });
    const hasty = await mountedIdentity(ca, { path: '/web' }, { clock });
    const first = ask(one.port, patient.identity.createHttpsAgent({ authorize }));
    const second = ask(other.port, hasty.identity.createHttpsAgent({ authorize }));
    await one.arrived;
    await other.arrived;
    // A connection that never ends keeps the hasty one from ending in time.
    const stuck = await slowServer(hasty.identity);
    const third = ask(stuck.port, shop.identity.createHttpsAgent({ authorize: authorizeAny() }));
    await stuck.arrived;

    expect(await patient.identity.shutdown()).toMatchObject({ servers: 0, drained: true });
    const ending = hasty.identity.shutdown({ deadlineMs: 1000 });
    clock.advance(1000);
    expect(await ending).toMatchObject({ servers: 1, drained: false });
    await expect(second).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(third).rejects.toMatchObject({ code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE' });
    one.release();
    expect(await text(await first)).toBe('done');
  });

  test('tells the sessions of an HTTP/2 server that a framework made to go away', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const shop = await mountedIdentity(ca, { path: '/shop' });
    const web = await mountedIdentity(ca, { path: '/web' });
    const server = createSecureServer();
    expect(shop.identity.secureServer(server, { authorize: authorizeId(WEB) })).toBe(server);
    const session = once(server as unknown as Http2Server, 'session') as Promise<[Http2Session]>;
    const port = await listen(server);
    const socket = await web.identity.connectTls({
      host: '127.0.0.1',
      port,
      ALPNProtocols: ['h2'],
      authorize: authorizeId(SHOP),
    });
    // The preface and empty settings of a client (RFC 9113 3.4).
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
    await session;

    socket.resume();
    expect(await shop.identity.shutdown()).toMatchObject({ servers: 1, drained: true });
  });

  test('without servers, closes agents and the source', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const { identity } = await mountedIdentity(ca, { path: '/web' });
    expect(await identity.shutdown()).toMatchObject({ servers: 0, drained: true, destroyedConnections: 0 });
    expect(identity.source.closed.aborted).toBe(true);
  });

  test.for([
    ['deadlineMs', { deadlineMs: -1 }],
    ['deadlineMs', { deadlineMs: Number.NaN }],
    ['deadlineMs', { deadlineMs: Infinity }],
    ['servers', { servers: [undefined as unknown as Server] }],
  ] as const)('refuses the option %s of %j, names it, and goes on', async ([name, options]) => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const { identity } = await mountedIdentity(ca, { path: '/web' });
    await expect(identity.shutdown(options)).rejects.toMatchObject({
      code: 'ERR_CONFIG_OPTION',
      message: expect.stringContaining(`option ${name}`) as string,
    });
    expect(identity.health().ready).toBe(true);
  });
});

describe('a closed identity', () => {
  test('has no name, and serves and asks nobody', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const { identity } = await mountedIdentity(ca, { path: '/shop' });
    await identity[Symbol.asyncDispose]();
    await identity.close();

    const closed = expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }) as Error;
    const authorize = authorizeAny();
    expect(() => identity.id).toThrow(closed);
    expect(() => identity.createHttpsServer({ authorize })).toThrow(closed);
    expect(() => identity.createTlsServer({ authorize })).toThrow(closed);
    expect(() => identity.createHttpsAgent({ authorize })).toThrow(closed);
    expect(() => identity.secureServer(createSecureServer(), { authorize })).toThrow(closed);
    expect(() => identity.tlsClientOptions({ authorize: authorizeId(SHOP) })).toThrow(closed);
    await expect(identity.connectTls({ authorize, host: '127.0.0.1', port: 1 })).rejects.toThrow(closed);
    expect(identity.health()).toMatchObject({ status: 'expired', ready: false });
  });
});

describe('opening', () => {
  test('fails at once without an identity when told not to wait, and says where it looked', async () => {
    const directory = temporaryDirectory();
    const error = await workloadIdentity({ directory, wait: 0 }).catch((caught: unknown) => caught);
    expect(isSpiffeError(error) && error.code).toBe('ERR_SOURCE_TIMEOUT');
    expect(String(error)).toContain(directory);
  });

  test('ends with the reason of its signal', async () => {
    const abort = new AbortController();
    const opening = workloadIdentity({ directory: temporaryDirectory(), signal: abort.signal });
    const reason = new Error('not needed any more');
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });

  test('finds the directory that the environment names', async () => {
    const ca = await createTestCa({ trustDomain: TRUST_DOMAIN });
    const { directory } = await mountedIdentity(ca, { path: '/shop' });
    const identity = await workloadIdentity({ env: { SPIFFE_CREDENTIAL_FOLDER: directory } });
    expect(String(identity.id)).toBe(SHOP);
    await identity.close();
  });
});
