import { once } from 'node:events';
import { type TLSSocket } from 'node:tls';

import {
  type ClientDuplexStream,
  type sendUnaryData,
  Server,
  ServerCredentials,
  status,
} from '@grpc/grpc-js';
import { authorizeMemberOf, type X509Source } from '@svidkit/core';
import { createServerCredentials } from '@svidkit/grpc';
import { createTestCa, manualClock } from '@svidkit/testkit';
import { createTlsServer, peerOf } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, Events, listen, rotate, sourceOf, world } from '../../tls/test/fixtures.ts';
import {
  ECHO,
  type EchoClient,
  echoServer,
  failureOf,
  loadOn,
  type Message,
  secureClient,
  secureEchoServer,
} from './fixtures.ts';

afterEach(closeAll);

const HOUR = 3_600_000;

/** One message there and back. */
async function exchange(stream: ClientDuplexStream<Message, Message>, text: string): Promise<Message> {
  stream.write({ text });
  const [answer] = (await once(stream, 'data')) as [Message];
  return answer;
}

/** A server that says nothing on a connection until it is told to. It answers with whose certificate it was shown. */
async function hesitantServer(source: X509Source) {
  const server = closing(new Server(), (one) => one.forceShutdown());
  const waiting: { readonly socket: TLSSocket; speak(): void }[] = [];
  let wake: (() => void) | undefined;
  let last: TLSSocket | undefined;
  let handled = 0;
  server.addService(
    { Unary: ECHO.Unary },
    {
      Unary(_call: unknown, callback: sendUnaryData<Message>) {
        handled += 1;
        callback(null, { serial: last === undefined ? '' : peerOf(last).certificate.serialNumber });
      },
    },
  );
  const gated = createTlsServer(
    source,
    { authorize: authorizeMemberOf('a.test'), ALPNProtocols: ['h2'] },
    (socket) => {
      socket.on('error', () => {});
      waiting.push({
        socket,
        speak() {
          last = socket;
          server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
        },
      });
      wake?.();
    },
  );
  let taken = 0;
  return {
    port: await listen(gated),
    handled: () => handled,
    async next() {
      while (waiting.length <= taken) await new Promise<void>((resolve) => (wake = resolve));
      const found = waiting[taken];
      taken += 1;
      if (found === undefined) throw new TypeError('want a connection');
      return found;
    },
  };
}

/** Resolves once the channel has a connection. */
function connected(client: EchoClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 15_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

describe('a rotation', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'of either end under load fails no call to %s, and no stream',
    async (host) => {
      const { a } = await world();
      const serverSource = await sourceOf(a, { path: '/server' });
      const { port, handled } = await secureEchoServer(serverSource, { address: `${host}:0` });
      const source = await sourceOf(a, { path: '/client' });
      const client = secureClient(source, `${host}:${port}`);
      const chat = client.chat();
      const first = await exchange(chat, 'begun');
      const load = loadOn(client, 16);
      const presented = new Set<string>([source.current.svid.leaf.serialNumber]);

      for (let round = 0; round < 24; round += 1) {
        await load.more(40);
        if (round % 2 === 0) {
          await rotate(source, a, { path: '/client' });
          presented.add(source.current.svid.leaf.serialNumber);
        } else {
          await rotate(serverSource, a, { path: '/server' });
        }
        expect(await exchange(chat, `round ${round}`)).toMatchObject({ serial: first.serial });
      }
      await load.more(40);
      await load.stop();

      expect(load.failures).toEqual([]);
      expect(new Set(load.answers)).toEqual(presented);
      // Nothing was sent twice: each answer is of one call.
      expect(handled).toHaveLength(load.answers.length + 1);
      // Calls that begin after a rotation show the new identity.
      expect((await client.unary()).serial).toBe(source.current.svid.leaf.serialNumber);
      chat.end();
      chat.resume();
      await once(chat, 'end');
    },
  );

  it('of the authorities under load fails no call', async () => {
    const { a } = await world();
    const { next: successor, both } = await a.rotate();
    const serverSource = await sourceOf(a, { path: '/server' });
    const { port } = await secureEchoServer(serverSource);
    const source = await sourceOf(a, { path: '/client' });
    const client = secureClient(source, port);
    const events = new Events();
    const load = loadOn(client, 16);
    const steps = [
      () => rotate(serverSource, a, { path: '/server', bundles: [both] }),
      () => rotate(source, a, { path: '/client', bundles: [both] }),
      () => rotate(serverSource, successor, { path: '/server', bundles: [both] }),
      () => rotate(source, successor, { path: '/client', bundles: [both] }),
      () => rotate(serverSource, successor, { path: '/server', bundles: [successor] }),
      () => rotate(source, successor, { path: '/client', bundles: [successor] }),
    ];

    for (const step of steps) {
      await load.more(60);
      await step();
    }
    await load.more(60);
    await load.stop();

    expect(load.failures).toEqual([]);
    expect(events.rejected).toEqual([]);
    expect((await client.unary()).serial).toBe(source.current.svid.leaf.serialNumber);
  });

  it('of the client: a call in flight finishes on the old connection, which then closes', async () => {
    const { a } = await world();
    const waiting: (() => void)[] = [];
    const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { port, server } = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
      unary: (call, callback: sendUnaryData<Message>) => {
        waiting.push(() => callback(null, { text: call.request.text ?? '' }));
        arrived[waiting.length - 1]?.resolve();
      },
    });
    const source = await sourceOf(a, { path: '/client' });
    const client = secureClient(source, port);
    const events = new Events();
    const inFlight = client.unary({ text: 'old' });
    await arrived[0]?.promise;

    await rotate(source, a, { path: '/client' });
    const further = client.unary({ text: 'new' });
    await arrived[1]?.promise;
    expect(events.accepted.filter(({ side }) => side === 'server')).toHaveLength(2);
    for (const answer of waiting) answer();

    expect(await inFlight).toEqual({ text: 'old' });
    expect(await further).toEqual({ text: 'new' });
    expect(events.drained).toEqual([{ side: 'client', id: 'spiffe://a.test/server', reason: 'rotation' }]);
    client.close();
    // Only when every connection has closed.
    await new Promise<void>((resolve, reject) => {
      server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
    });
  });

  it('leaves an idle channel, and takes place before the next call', async () => {
    const { a } = await world();
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const source = await sourceOf(a, { path: '/client' });
    const client = secureClient(source, port);

    const serials: unknown[] = [];
    const expected: unknown[] = [];
    for (let round = 0; round < 5; round += 1) {
      serials.push((await client.unary()).serial);
      expected.push(source.current.svid.leaf.serialNumber);
      await rotate(source, a, { path: '/client' });
      await rotate(source, a, { path: '/client' });
    }

    expect(serials).toEqual(expected);
  });

  it('closes an idle connection', async () => {
    const { a } = await world();
    const source = await sourceOf(a, { path: '/client' });
    const server = await hesitantServer(await sourceOf(a, { path: '/server' }));
    const client = secureClient(source, server.port);
    const outcome = client.unary();
    const connection = await server.next();
    connection.speak();
    await outcome;
    const { socket } = connection;
    const closed = once(socket, 'close');

    await rotate(source, a, { path: '/client' });

    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it.each(['pick_first', 'round_robin'])(
    'between the handshake and the first words of the server: serves who waited, and nobody else (%s)',
    async (policy) => {
      const { a } = await world();
      const source = await sourceOf(a, { path: '/client' });
      const server = await hesitantServer(await sourceOf(a, { path: '/server' }));
      const client = secureClient(source, server.port, {
        channel: { 'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ [policy]: {} }] }) },
      });
      const before = source.current.svid.leaf.serialNumber;
      const outcome = client.unary();
      const first = await server.next();

      await rotate(source, a, { path: '/client' });
      first.speak();

      expect(await outcome).toEqual({ serial: before });
      const further = client.unary();
      (await server.next()).speak();
      expect(await further).toEqual({ serial: source.current.svid.leaf.serialNumber });
      if (!first.socket.destroyed) await once(first.socket, 'close');
    },
  );

  it('that removes the authority of a server before its first words: it is sent nothing', async () => {
    const { a } = await world();
    const { next: successor, both } = await a.rotate();
    const server = await hesitantServer(await sourceOf(a, { path: '/server', bundles: [both] }));
    const source = await sourceOf(successor, { path: '/client', bundles: [both] });
    const client = secureClient(source, server.port);
    const outcome = failureOf(client.unary());
    const first = await server.next();

    source.update(source.current.svid, (await successor.context()).bundles);
    first.speak();

    expect(await outcome).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('ERR_CHAIN_UNTRUSTED') as string,
    });
    expect(server.handled()).toBe(0);
  });

  it('between the handshake and the first words of the server: a connection without a call closes', async () => {
    const { a } = await world();
    const source = await sourceOf(a, { path: '/client' });
    const server = await hesitantServer(await sourceOf(a, { path: '/server' }));
    const client = secureClient(source, server.port);
    client.getChannel().getConnectivityState(true);
    const first = await server.next();

    await rotate(source, a, { path: '/client' });
    first.speak();

    if (!first.socket.destroyed) await once(first.socket, 'close');
    expect(first.socket.destroyed).toBe(true);
  });
});

describe('a server', () => {
  it('that tells its clients to go away under load loses no call', async () => {
    const { a } = await world();
    // Ahead of what is issued from now on, which is not valid before its own second.
    const clock = manualClock(Date.now() + 60_000);
    const { port, handled } = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
      secure: { clock, maxConnectionAgeMs: 1000 },
    });
    const client = secureClient(await sourceOf(a, { path: '/client' }), port);
    const events = new Events();
    const load = loadOn(client, 32);

    // grpc-js repeats a call that a GOAWAY met on its way, once: so the next one comes when all of these are through.
    for (let round = 0; round < 15; round += 1) {
      await load.more(200);
      clock.advance(1001);
    }
    await load.more(200);
    await load.stop();

    expect(load.failures).toEqual([]);
    expect(events.drained.filter(({ side }) => side === 'server').length).toBeGreaterThanOrEqual(15);
    // Nothing was handled twice.
    expect(handled).toHaveLength(load.answers.length);
  });

  it('that was restarted is found again', async () => {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const first = await secureEchoServer(serverSource);
    const client = secureClient(await sourceOf(a, { path: '/client' }), first.port, {
      channel: { 'grpc.initial_reconnect_backoff_ms': 20, 'grpc.max_reconnect_backoff_ms': 50 },
    });
    await client.unary();
    first.server.forceShutdown();
    expect(await failureOf(client.unary())).toMatchObject({ code: status.UNAVAILABLE });

    await secureEchoServer(serverSource, { address: `127.0.0.1:${first.port}` });
    await connected(client);

    expect(await client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
  });
});

/** A trust domain with a clock of its own, in which the client's SVID outlives the server's or the other way round. */
async function timed(lifetimes: { readonly server: number; readonly client: number }) {
  const clock = manualClock();
  const ca = await createTestCa({ trustDomain: 'a.test', clock });
  return {
    clock,
    ca,
    serverSource: await sourceOf(ca, { path: '/server', lifetimeMs: lifetimes.server }),
    source: await sourceOf(ca, { path: '/client', lifetimeMs: lifetimes.client }),
  };
}

describe('the end of an identity', () => {
  it('ends a stream at the expiry of the SVID that the server showed, and not before', async () => {
    const { clock, ca, serverSource, source } = await timed({ server: HOUR, client: 10 * HOUR });
    const { port } = await secureEchoServer(serverSource, { secure: { clock } });
    // The client has a clock of its own that stands still: the server alone ends it.
    const client = secureClient(source, port);
    const chat = client.chat();
    await exchange(chat, 'begun');
    const ended = once(chat, 'error');

    await rotate(serverSource, ca, { path: '/server', lifetimeMs: 10 * HOUR });
    clock.advance(HOUR - 60_000);
    expect(await exchange(chat, 'still there')).toMatchObject({ text: 'still there' });
    clock.advance(120_000);

    expect(await ended).toMatchObject([{ code: status.UNAVAILABLE }]);
    expect(await client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
  });

  it('ends a stream at the deadline after a rotation, where one is given', async () => {
    const { clock, ca, serverSource, source } = await timed({ server: HOUR, client: HOUR });
    const { port } = await secureEchoServer(serverSource, { secure: { clock, drainDeadlineMs: 60_000 } });
    const client = secureClient(source, port);
    const chat = client.chat();
    await exchange(chat, 'begun');
    const ended = once(chat, 'error');

    await rotate(serverSource, ca, { path: '/server' });
    clock.advance(59_000);
    expect(await exchange(chat, 'still there')).toMatchObject({ text: 'still there' });
    clock.advance(2_000);

    expect(await ended).toMatchObject([{ code: status.UNAVAILABLE }]);
  });

  it('has a server refuse calls of a client whose SVID has expired', async () => {
    const { clock, serverSource, source } = await timed({ server: 10 * HOUR, client: HOUR });
    const { port, handled } = await secureEchoServer(serverSource, { secure: { clock } });
    const client = secureClient(source, port);
    await client.unary();

    clock.set(clock.now() + HOUR + 60_000); // As after sleep: no timer fires.

    expect(await failureOf(client.unary())).toMatchObject({ code: status.UNAVAILABLE });
    expect(handled).toHaveLength(1);
  });

  it('has a client send no call to a server whose SVID has expired', async () => {
    const { clock, source, serverSource, ca } = await timed({ server: HOUR, client: 10 * HOUR });
    const { port, handled } = await secureEchoServer(serverSource);
    const client = secureClient(source, port, {
      clock,
      channel: { 'grpc.initial_reconnect_backoff_ms': 20, 'grpc.max_reconnect_backoff_ms': 50 },
    });
    await client.unary();

    clock.set(clock.now() + HOUR + 60_000); // As after sleep: no timer fires.

    // The server would take it: by its own clock the connection is good.
    expect(await failureOf(client.unary())).toMatchObject({ code: status.UNAVAILABLE });
    expect(handled).toHaveLength(1);
    await rotate(serverSource, ca, { path: '/server' });
    await connected(client);
    expect(await client.unary()).toMatchObject({ peer: 'spiffe://a.test/client' });
  });

  it('has a server close the connections of clients whose authority was removed, after the call in flight', async () => {
    const { a } = await world();
    const { next: successor, both } = await a.rotate();
    const serverSource = await sourceOf(successor, { path: '/server', bundles: [both] });
    const { promise: begun, resolve: begin } = Promise.withResolvers<() => void>();
    const server = await echoServer(
      createServerCredentials(serverSource, { authorize: authorizeMemberOf('a.test') }),
      {
        unary: (_call, callback) => begin(() => callback(null, { text: 'finished' })),
      },
    );
    const client = secureClient(await sourceOf(a, { path: '/client', bundles: [both] }), server.port);
    const events = new Events();
    const inFlight = client.unary();
    const finish = await begun;

    await rotate(serverSource, successor, { path: '/server', bundles: [successor] });
    const further = failureOf(client.unary());
    finish();

    expect(await inFlight).toEqual({ text: 'finished' });
    expect(await further).toMatchObject({ code: status.UNAVAILABLE });
    expect(server.handled).toHaveLength(1);
    expect(events.drained[0]).toEqual({
      side: 'server',
      id: 'spiffe://a.test/client',
      reason: 'authority-removed',
    });
  });
});
