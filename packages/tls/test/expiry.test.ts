import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';

import { authorizeAny, authorizeId } from '@svidkit/core';
import {
  createTestCa,
  type ManualClock,
  manualClock,
  type TestCa,
  type TestX509Source,
} from '@svidkit/testkit';
import { connectTls, createHttpsAgent, createTlsServer, peerOf, tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  CLIENTS,
  closeAll,
  closing,
  Events,
  exchange,
  get,
  httpsService,
  knock,
  listen,
  RawClient,
  rawServer,
  SERVICES,
  sourceOf,
  tlsService,
  expectFailure,
} from './fixtures.ts';
import { valve } from './valve.ts';

afterEach(closeAll);

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A trust domain with a clock of its own: SVIDs live for an hour of it. */
async function timed(): Promise<{ clock: ManualClock; ca: TestCa; source: TestX509Source }> {
  const clock = manualClock();
  const ca = await createTestCa({ trustDomain: 'a.test', clock });
  return { clock, ca, source: await sourceOf(ca) };
}

/** Lives longer than the rest. */
const long = (ca: TestCa, path = '/peer') => ca.issue({ path, lifetimeMs: 10 * HOUR });

/** Resolves when the server has taken the next connection, before its handshake. */
const nextConnection = (server: { once(event: 'connection', listener: (socket: Socket) => void): unknown }) =>
  new Promise<Socket>((resolve) => {
    server.once('connection', resolve);
  });

describe('our own SVID has expired', () => {
  it.each(Object.entries(SERVICES))(
    '%s never presents it, and serves again with the next one',
    async (_, start) => {
      const { clock, ca, source } = await timed();
      const { port, handled } = await start(source, { clock });
      const first = await knock(port, await long(ca));
      expect(first.line).toContain('peer=');
      expect(first.serverLeaf).toBeDefined();

      clock.advance(HOUR + 1000);

      const second = await knock(port, await long(ca));
      expect([second.secured, second.serverLeaf, second.line]).toEqual([false, undefined, undefined]);
      expect(handled).toHaveLength(1);

      const { svid, bundles } = await ca.context();
      source.update(svid, bundles);
      const third = await knock(port, await long(ca));
      expect(third.serverLeaf?.equals(svid.leaf.der)).toBe(true);
      expect(third.line).toContain('peer=');
    },
  );

  it('clients are not blamed for it', async () => {
    const { clock, ca, source } = await timed();
    const { port } = await tlsService(source, { clock, maxFailuresPerAddress: 1 });
    clock.advance(HOUR + 1000);
    for (let round = 0; round < 3; round += 1) {
      expect((await knock(port, await long(ca))).line).toBeUndefined();
    }

    const { svid, bundles } = await ca.context();
    source.update(svid, bundles);
    expect((await knock(port, await long(ca))).line).toContain('peer=');
  });

  it('a server whose timer is late, as after sleep, does not present it either', async () => {
    const { clock, ca, source } = await timed();
    const { port, handled } = await tlsService(source, { clock });

    clock.set(clock.now() + HOUR + 1000); // The wall clock jumps; no timer fires.

    const late = await knock(port, await long(ca));
    expect(late.line).toBeUndefined();
    expect(late.serverLeaf === undefined).toBe(true);
    expect(handled).toEqual([]);
  });

  it('a handshake that began before the expiry does not end with it', async () => {
    const { clock, ca, source } = await timed();
    // Not by its time-out.
    const { server, port, handled } = await tlsService(source, { clock, handshakeTimeoutMs: 10 * HOUR });
    const identity = await long(ca);
    const gate = await valve(port);
    const begun = nextConnection(server);
    const through = connectTcp(port, '127.0.0.1');
    closing(through, (socket) => socket.destroy());
    await begun; // The server has the connection, and knows which SVID it is about to show.

    clock.advance(HOUR + 1000);

    const stalled = new RawClient(0, identity, { socket: through });
    await stalled.closed;
    expect(stalled.serverLeaf).toBeUndefined();
    expect(handled).toEqual([]);
    gate.open();
    expect((await knock(gate.port, identity)).line).toBeUndefined();
  });

  it('a clock that is ahead of the one of the source decides, too', async () => {
    const { ca, source } = await timed();
    const ahead = manualClock(Date.now() + 2 * HOUR);
    const { port, handled } = await tlsService(source, { clock: ahead });
    const server = await rawServer(await long(ca));
    const events = new Events();
    const target = { authorize: authorizeAny(), host: '127.0.0.1', port: server.port };

    expect((await knock(port, await long(ca))).line).toBeUndefined();
    expect(events.codes('server')).toEqual(['ERR_SOURCE_EXPIRED']);
    await expect(connectTls(source, { ...target, clock: ahead })).rejects.toMatchObject({
      code: 'ERR_SOURCE_EXPIRED',
    });

    expect(handled).toEqual([]);
    await expect(connectTls(source, target)).resolves.toMatchObject({ authorized: true });
  });

  it.each(Object.entries(CLIENTS))(
    '%s never presents it, and connects again with the next one',
    async (_, call) => {
      const { clock, ca, source } = await timed();
      const server = await rawServer(await long(ca, '/server'));
      const authorize = authorizeId('spiffe://a.test/server');
      // The clock of the verifier stays that of this machine: the certificates of this CA are valid by both.
      await expect(call(source, authorize, server)).resolves.toContain('peer=');

      clock.advance(HOUR + 1000);
      await expectFailure(call(source, authorize, server));
      expect(server.seen.slice(1).filter(({ client }) => client !== undefined)).toEqual([]);

      const { svid, bundles } = await ca.context({ path: '/next' });
      source.update(svid, bundles);
      await expect(call(source, authorize, server)).resolves.toContain('peer=');
      expect(server.seen.at(-1)?.client).toBe('URI:spiffe://a.test/next');
    },
  );

  it('a client whose SVID expires during the handshake begins anew with the next one, or fails', async () => {
    const { clock, ca, source } = await timed();
    const server = await rawServer(await long(ca, '/server'));
    const connectThrough = ({ port }: { readonly port: number }) =>
      connectTls(source, {
        authorize: authorizeId('spiffe://a.test/server'),
        host: '127.0.0.1',
        port,
        clock: ahead,
      });
    // The source is not yet told that the time is over, as happens with the timer of another one.
    const ahead = manualClock(clock.now());
    const alone = await valve(server.port);
    const failing = expectFailure(connectThrough(alone));
    await alone.taken;
    ahead.set(clock.now() + HOUR + 1000); // No timer fires.
    alone.open();
    expect(await failing).toMatchObject({ code: 'ERR_SOURCE_EXPIRED' });

    ahead.set(clock.now());
    const followed = await valve(server.port);
    const opening = connectThrough(followed);
    await followed.taken;
    const { svid, bundles } = await ca.context({ path: '/next', lifetimeMs: 10 * HOUR });
    source.update(svid, bundles);
    ahead.set(clock.now() + HOUR + 1000);
    followed.open();
    expect(await exchange(await opening)).toContain('peer=');
    expect(server.seen.at(-1)?.client).toBe('URI:spiffe://a.test/next');
  });

  it('the reason is told: ERR_SOURCE_EXPIRED', async () => {
    const { clock, ca, source } = await timed();
    const server = await rawServer(await long(ca));
    const agent = closing(createHttpsAgent(source, { authorize: authorizeAny(), clock }), (one) =>
      one.destroy(),
    );
    const target = { host: '127.0.0.1', port: server.port };

    clock.advance(HOUR + 1000);

    await expect(connectTls(source, { authorize: authorizeAny(), clock, ...target })).rejects.toMatchObject({
      code: 'ERR_SOURCE_EXPIRED',
    });
    await expect(get({ agent, ...target })).rejects.toMatchObject({ code: 'ERR_SOURCE_EXPIRED' });
    expect(server.seen).toEqual([]);
  });

  it('connections that it was shown on are closed', async () => {
    const { clock, ca, source } = await timed();
    const service = await tlsService(source, { clock });
    const server = await rawServer(await long(ca));
    const client = new RawClient(service.port, await long(ca));
    expect(await client.ask()).toContain('peer=');
    const socket = await connectTls(source, {
      authorize: authorizeAny(),
      clock,
      host: '127.0.0.1',
      port: server.port,
    });

    clock.advance(HOUR - MINUTE);
    expect(await client.ask()).toContain('peer=');
    expect(socket.destroyed).toBe(false);

    const events = new Events();
    clock.advance(MINUTE + 1000);
    await client.closed;
    expect(socket.destroyed).toBe(true);
    expect(events.drained.map(({ side, reason }) => `${side} ${reason}`).toSorted()).toEqual([
      'client own-svid-expired',
      'server own-svid-expired',
    ]);
    expect(() => peerOf(socket)).toThrow(expect.objectContaining({ code: 'ERR_PEER_EXPIRED' }) as Error);
  });
});

const shortLived = async () => {
  const clock = manualClock();
  const ca = await createTestCa({ trustDomain: 'a.test', clock });
  return { clock, ca, source: await sourceOf(ca, { lifetimeMs: 10 * HOUR }) };
};

describe('the SVID of a peer expires on a live keep-alive connection', () => {
  it.each(Object.entries(SERVICES).slice(1))('%s refuses its next request, and closes', async (_, start) => {
    const { clock, ca, source } = await shortLived();
    const { port, handled } = await start(source, { clock });
    const short = new RawClient(port, await ca.issue({ path: '/short', lifetimeMs: HOUR }));
    const lasting = new RawClient(port, await long(ca, '/lasting'));
    expect(await short.ask()).toContain('/short ');
    expect(await lasting.ask()).toContain('/lasting ');

    clock.set(clock.now() + HOUR + 1000); // No timer fires: it is the request that is refused.
    expect(await short.ask()).toBeUndefined();
    await short.closed;
    expect(await lasting.ask()).toContain('/lasting ');
    expect(handled).toEqual(['spiffe://a.test/short', 'spiffe://a.test/lasting', 'spiffe://a.test/lasting']);
  });

  it.each(Object.entries(SERVICES))(
    '%s closes an idle connection on time, and leaves the others',
    async (_, start) => {
      const { clock, ca, source } = await shortLived();
      const { port } = await start(source, { clock });
      const short = new RawClient(port, await ca.issue({ path: '/short', lifetimeMs: HOUR }));
      const lasting = new RawClient(port, await long(ca, '/lasting'));
      expect(await short.ask()).toContain('/short ');
      expect(await lasting.ask()).toContain('/lasting ');
      const events = new Events();

      clock.advance(HOUR + 1000);
      await short.closed;

      expect(events.drained).toEqual([
        { side: 'server', id: 'spiffe://a.test/short', reason: 'peer-svid-expired' },
      ]);
      expect(await lasting.ask()).toContain('/lasting ');
    },
  );

  it('an answer shortly before tells the client to come back on a new connection', async () => {
    const { clock, ca, source } = await shortLived();
    const { port } = await httpsService(source, { clock });
    const client = new RawClient(port, await ca.issue({ lifetimeMs: HOUR }));
    expect(await client.ask()).toContain('peer=');
    expect(client.received.toString()).toMatch(/connection: keep-alive/i);

    clock.advance(HOUR - 10_000);

    expect(await client.ask()).toContain('peer=');
    await client.closed;
    expect(client.received.toString()).toMatch(/connection: close/i);
  });

  it('peerOf throws ERR_PEER_EXPIRED from then on, on both sides', async () => {
    const { clock, ca, source } = await shortLived();
    const identity = await ca.issue({ path: '/short', lifetimeMs: HOUR });
    const server = await rawServer(identity);
    const socket = await connectTls(source, {
      authorize: authorizeAny(),
      clock,
      host: '127.0.0.1',
      port: server.port,
    });
    closing(socket, (one) => one.destroy());
    expect(peerOf(socket).notAfter).toBe(identity.notAfter);

    clock.set(identity.notAfter);
    expect(peerOf(socket).id.toString()).toBe('spiffe://a.test/short');
    clock.set(identity.notAfter + 1);
    expect(() => peerOf(socket)).toThrow(expect.objectContaining({ code: 'ERR_PEER_EXPIRED' }) as Error);
  });

  it('an agent does not send another request to a server whose SVID has expired', async () => {
    const { clock, ca, source } = await shortLived();
    const server = await rawServer(await ca.issue({ path: '/server', lifetimeMs: HOUR }));
    const agent = closing(createHttpsAgent(source, { authorize: authorizeAny(), clock }), (one) =>
      one.destroy(),
    );
    const target = { agent, host: '127.0.0.1', port: server.port };
    const free = once(agent, 'free');
    await expect(get(target)).resolves.toContain('peer=');
    await free;

    clock.set(clock.now() + HOUR + 1000); // No timer fires: the idle connection is still in the pool.
    const { certPem: cert, keyPem: key } = await ca.issue({ path: '/next', lifetimeMs: HOUR });
    server.server.setSecureContext({ cert, key, ca: [] });
    const events = new Events();

    await expect(get(target)).resolves.toContain('peer=');
    expect(events.accepted.map(({ id }) => id)).toEqual(['spiffe://a.test/next']);
    expect(server.seen).toHaveLength(2);
  });

  it('an intermediate that expires before the leaf ends the connection too', async () => {
    const { clock, ca, source } = await shortLived();
    const issuer = await ca.intermediate({ lifetimeMs: HOUR });
    const { port } = await tlsService(source, { clock });
    const client = new RawClient(port, await issuer.issue({ lifetimeMs: 10 * HOUR }));
    expect(await client.ask()).toContain('peer=');

    clock.advance(HOUR - MINUTE);
    expect(await client.ask()).toContain('peer=');
    clock.advance(MINUTE + 1000);
    await client.closed;
    expect((await knock(port, await issuer.issue({ lifetimeMs: 10 * HOUR }))).line).toBeUndefined();
  });
});

describe('the source is closed', () => {
  it.each(Object.entries(SERVICES))('%s refuses new connections and shows nothing', async (_, start) => {
    const { ca, source, clock } = await timed();
    const { port } = await start(source, { clock });
    const identity = await long(ca);
    expect((await knock(port, identity)).line).toContain('peer=');

    await source.close();

    const after = await knock(port, identity);
    expect([after.line, after.serverLeaf]).toEqual([undefined, undefined]);
  });

  it('answers in flight and the next ones on a live connection end it', async () => {
    const { ca, source, clock } = await timed();
    const { port } = await httpsService(source, { clock });
    const client = new RawClient(port, await long(ca));
    expect(await client.ask()).toContain('peer=');
    const events = new Events();

    await source.close();

    expect(events.drained.map(({ reason }) => reason)).toEqual(['source-empty']);
    expect(await client.ask()).toContain('peer=');
    await client.closed;
  });

  it('idle connections of agents are closed', async () => {
    const { ca, source, clock } = await timed();
    const server = await rawServer(await long(ca));
    const agent = closing(createHttpsAgent(source, { authorize: authorizeAny(), clock }), (one) =>
      one.destroy(),
    );
    const free = once(agent, 'free');
    await get({ agent, host: '127.0.0.1', port: server.port });
    await free;
    const idle = Object.values(agent.freeSockets).flat();
    expect(idle.map((socket) => socket?.destroyed)).toEqual([false]);

    await source.close();

    expect(idle.map((socket) => socket?.destroyed)).toEqual([true]);
    await expect(get({ agent, host: '127.0.0.1', port: server.port })).rejects.toMatchObject({
      code: 'ERR_SOURCE_CLOSED',
    });
  });

  it('a server that is started with an empty source refuses everybody until it has something', async () => {
    const { ca, source, clock } = await timed();
    clock.advance(HOUR + 1000);
    const { port, handled } = await tlsService(source, { clock });
    expect((await knock(port, await long(ca))).line).toBeUndefined();
    expect(handled).toEqual([]);

    const { svid, bundles } = await ca.context();
    source.update(svid, bundles);
    expect((await knock(port, await long(ca))).line).toContain('peer=');
  });

  it('a server that is closed and listens again follows its source again', async () => {
    const { ca, source, clock } = await timed();
    const server = createTlsServer(source, { authorize: authorizeAny(), clock }, (socket) =>
      socket.end('peer=\n'),
    );
    await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const port = await listen(server);

    const { svid, bundles } = await ca.context({ path: '/second' });
    source.update(svid, bundles);

    const client = await knock(port, await long(ca));
    expect(client.serverLeaf?.equals(svid.leaf.der)).toBe(true);
    expect(client.line).toBe('peer=');

    // And so do its live connections.
    const live = new RawClient(port, await long(ca));
    await once(live.socket, 'secureConnect');
    const events = new Events();
    const { next } = await ca.rotate();
    const { bundles: without } = await next.context({ bundles: [next] });
    source.update(svid, without);
    await live.closed;
    expect(new Set(events.drained.map(({ reason }) => reason))).toEqual(new Set(['authority-removed']));
  });

  it('a server that listens again after its source was closed refuses everybody, and throws nothing', async () => {
    const { ca, source, clock } = await timed();
    const { server, port } = await tlsService(source, { clock });
    expect((await knock(port, await long(ca))).line).toContain('peer=');
    await new Promise((resolve) => server.close(resolve));
    await source.close();

    expect((await knock(await listen(server), await long(ca))).line).toBeUndefined();
  });
});

describe('tlsClientOptions and the clock', () => {
  it('an expired server is refused by the injected clock', async () => {
    const { clock, ca, source } = await timed();
    const server = await rawServer(await ca.issue({ path: '/server', lifetimeMs: MINUTE }));
    const authorize = authorizeId('spiffe://a.test/server');
    const options = {
      agent: false,
      host: '127.0.0.1',
      port: server.port,
      ...tlsClientOptions(source, { authorize, clock }),
    };
    await expect(get(options)).resolves.toContain('peer=');

    clock.advance(2 * MINUTE);
    await expect(get(options)).rejects.toMatchObject({ code: 'ERR_CHAIN_EXPIRED' });
  });
});
