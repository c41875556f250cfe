import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcp, type Socket } from 'node:net';
import { createServer as createTls, Server as TlsServer, type TLSSocket } from 'node:tls';

import { ChannelCredentials, credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { authorizeAny, type X509Source } from '@svidkit/core';
import { createChannelCredentials, createServerCredentials, shutdownServer } from '@svidkit/grpc';
import { createTestCa, manualClock } from '@svidkit/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { closeAll, closing, listen, rotate, sourceOf, world } from '../../tls/test/fixtures.ts';
import { valve } from '../../tls/test/valve.ts';
import { clientWith, failureOf, loadOn, secureClient, secureEchoServer, unavailable } from './fixtures.ts';

afterEach(closeAll);

/** Counts who follows a source. */
function following(source: X509Source): { readonly source: X509Source; readonly count: () => number } {
  let followers = 0;
  const counted: X509Source = {
    get current() {
      return source.current;
    },
    get closed() {
      return source.closed;
    },
    health: () => source.health(),
    close: () => source.close(),
    [Symbol.asyncDispose]: () => source.close(),
    onUpdate(listener) {
      const subscription = source.onUpdate(listener);
      followers += 1;
      return {
        [Symbol.dispose]() {
          followers -= 1;
          subscription[Symbol.dispose]();
        },
      };
    },
  };
  return { source: counted, count: () => followers };
}

describe('credentials of channels', () => {
  it('follow the source only while there is a channel that uses them', async () => {
    const { a } = await world();
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const { source, count } = following(await sourceOf(a, { path: '/client' }));
    const own = createChannelCredentials(source, { authorize: authorizeAny() });
    expect(count()).toBe(0);

    for (let round = 0; round < 2; round += 1) {
      const clients = [clientWith(port, own), clientWith(port, own)];
      await Promise.all(clients.map((client) => client.unary()));
      expect(count()).toBe(1);
      clients[0]?.close();
      expect(count()).toBe(1);
      await clients[1]?.unary();
      clients[1]?.close();
      expect(count()).toBe(0);
    }
  });

  it('let a channel that is closed finish its calls, and close its connection after them', async () => {
    const { a } = await world();
    const { promise: begun, resolve: begin } = Promise.withResolvers<() => void>();
    const { port, server } = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
      unary: (_call, callback) => begin(() => callback(null, { text: 'finished' })),
    });
    const client = secureClient(await sourceOf(a, { path: '/client' }), port);
    const inFlight = client.unary();
    const finish = await begun;

    client.close();
    finish();

    expect(await inFlight).toEqual({ text: 'finished' });
    expect(await shutdownServer(server)).toBe(true);
  });

  it.each([
    ['no authorizer', {}, 'ERR_CONFIG_AUTHORIZER'],
    ['a name that is no origin', { authorize: new Map([['payments', authorizeAny()]]) }, 'ERR_CONFIG_OPTION'],
    [
      'an option that decides for us',
      { authorize: authorizeAny(), rejectUnauthorized: false },
      'ERR_CONFIG_OPTION',
    ],
    ['no time at all', { authorize: authorizeAny(), handshakeTimeoutMs: 0 }, 'ERR_CONFIG_OPTION'],
  ])('are not made with %s', async (_, options, code) => {
    const source = await sourceOf((await world()).a);
    expect(() => createChannelCredentials(source, options as never)).toThrow(
      expect.objectContaining({ code }),
    );
    expect(() => createChannelCredentials(undefined as never, { authorize: authorizeAny() })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
    );
  });
});

describe('credentials of servers', () => {
  it('follow the source for each port that is bound, until it is closed', async () => {
    const { a } = await world();
    const { source, count } = following(await sourceOf(a, { path: '/server' }));
    const own = createServerCredentials(source, { authorize: authorizeAny() });
    await new Promise((resolve) => setImmediate(resolve));
    expect(count()).toBe(0);

    const { server } = await secureEchoServer(source);
    await new Promise((resolve) => setImmediate(resolve));
    expect(count()).toBe(1);
    await shutdownServer(server);
    expect(count()).toBe(0);
    expect(own).toBeInstanceOf(ServerCredentials);
  });

  it.each([
    ['no authorizer', {}, 'ERR_CONFIG_AUTHORIZER'],
    ['certificates by name', { authorize: authorizeAny(), SNICallback: () => {} }, 'ERR_CONFIG_OPTION'],
    ['a negative limit', { authorize: authorizeAny(), maxHandshakes: -1 }, 'ERR_CONFIG_OPTION'],
  ])('are not made with %s', async (_, options, code) => {
    const source = await sourceOf((await world()).a);
    expect(() => createServerCredentials(source, options as never)).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('are not made of a source that is closed, and bind nothing once it is', async () => {
    const source = await sourceOf((await world()).a);
    const own = createServerCredentials(source, { authorize: authorizeAny() });
    await source.close();

    expect(() => createServerCredentials(source, { authorize: authorizeAny() })).toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }),
    );
    const server = closing(new Server(), (one) => one.forceShutdown());
    const error = await new Promise((resolve) => server.bindAsync('127.0.0.1:0', own, resolve));
    expect(error).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
  });
});

describe('a version of grpc-js that works otherwise', () => {
  it.each<[string, () => unknown]>([
    [
      'has no connectors',
      () => {
        const plain = credentials.createInsecure();
        Object.assign(plain, { _createSecureConnector: undefined });
        return vi.spyOn(credentials, 'createInsecure').mockReturnValue(plain);
      },
    ],
    [
      'asks other things of them',
      () =>
        vi
          .spyOn(
            Object.getPrototypeOf(credentials.createInsecure()) as ChannelCredentials,
            '_createSecureConnector',
          )
          .mockReturnValue({ connect: () => Promise.reject(new Error('never')) } as never),
    ],
  ])('gets no channel credentials when it %s', async (_, change) => {
    const source = await sourceOf((await world()).a);
    change();
    expect(() => createChannelCredentials(source, { authorize: authorizeAny() })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_RUNTIME' }),
    );
    vi.restoreAllMocks();
    expect(createChannelCredentials(source, { authorize: authorizeAny() })).toBeInstanceOf(
      ChannelCredentials,
    );
  });

  it.each<[string, () => unknown]>([
    [
      'tells nobody of its servers',
      () =>
        vi
          .spyOn(Server.prototype, 'createConnectionInjector')
          .mockReturnValue({ injectConnection() {}, drain() {}, destroy() {} }),
    ],
    [
      'replaces no certificate',
      () =>
        vi.spyOn(Server.prototype, 'createConnectionInjector').mockImplementation((own) => {
          own._addWatcher(() => {});
          return { injectConnection() {}, drain() {}, destroy() {} };
        }),
    ],
    [
      'makes no servers',
      () =>
        vi.spyOn(Server.prototype, 'createConnectionInjector').mockImplementation(() => {
          throw new Error('not here');
        }),
    ],
  ])('gets no server credentials when it %s', async (_, change) => {
    const source = await sourceOf((await world()).a);
    const before = replacing();
    change();
    expect(() => createServerCredentials(source, { authorize: authorizeAny() })).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_RUNTIME' }),
    );
    vi.restoreAllMocks();
    expect(createServerCredentials(source, { authorize: authorizeAny() })).toBeInstanceOf(ServerCredentials);
    expect(replacing()).toBe(before);
  });

  it('serves nobody when it makes a server without telling: there is no certificate', async () => {
    const { a } = await world();
    const own = createServerCredentials(await sourceOf(a, { path: '/server' }), {
      authorize: authorizeAny(),
    });
    Object.assign(own, { _addWatcher() {} });
    const server = closing(new Server(), (one) => one.forceShutdown());
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', own, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });

    const client = secureClient(await sourceOf(a, { path: '/client' }), port);
    expect(await failureOf(client.unary())).toMatchObject(unavailable('ERR_PEER_HANDSHAKE'));
  });
});

describe('an abort', () => {
  it('of a channel during the handshake ends the connection', async () => {
    const { a } = await world();
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const held = await valve(port);
    // Not by the timeout: this clock stands still.
    const client = secureClient(await sourceOf(a, { path: '/client' }), held.port, { clock: manualClock() });
    const outcome = failureOf(client.unary());
    const [socket] = (await held.taken) as [Socket];
    await once(socket, 'readable');

    client.close();

    expect(await outcome).toMatchObject({ code: status.UNAVAILABLE });
    socket.resume();
    if (!socket.destroyed) await once(socket, 'close');
  });

  it('of a channel while the server keeps its settings back ends the connection', async () => {
    const { a } = await world();
    const { certPem, keyPem } = await a.issue({ path: '/server' });
    const taken = Promise.withResolvers<TLSSocket>();
    const port = await listen(
      createTls({ cert: certPem, key: keyPem, ALPNProtocols: ['h2'] }, (socket) => {
        socket.on('error', () => {});
        taken.resolve(socket);
      }),
    );
    // Not by the timeout: this clock stands still.
    const client = secureClient(await sourceOf(a, { path: '/client' }), port, { clock: manualClock() });
    const outcome = failureOf(client.unary());
    const socket = await taken.promise;
    socket.resume();
    const ended = once(socket, 'close');

    client.close();

    expect(await outcome).toMatchObject({ code: status.UNAVAILABLE });
    await ended;
  });

  it('waits no longer for settings than for a handshake', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const { certPem, keyPem } = await ca.issue({ path: '/server' });
    const taken = Promise.withResolvers<void>();
    const port = await listen(
      createTls({ cert: certPem, key: keyPem, ALPNProtocols: ['h2'] }, (socket) => {
        socket.on('error', () => {});
        // The preface of the client.
        socket.once('data', () => taken.resolve());
      }),
    );
    const client = secureClient(await sourceOf(ca, { path: '/client' }), port, {
      clock,
      handshakeTimeoutMs: 500,
    });
    const outcome = failureOf(client.unary());
    await taken.promise;

    clock.advance(501);

    expect(await outcome).toMatchObject(
      unavailable('ERR_PEER_HANDSHAKE_TIMEOUT: the server sent no HTTP/2 settings within 500 ms'),
    );
  });

  it('of connections by the peer, at each step, leaves no error that nobody handles', async () => {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const { port } = await secureEchoServer(serverSource);
    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on('uncaughtException', note).on('unhandledRejection', note);
    closing(note, () => process.off('uncaughtException', note).off('unhandledRejection', note));

    // A way to the server that breaks after so many bytes of either direction.
    for (let bytes = 0; bytes <= 6000; bytes += 300) {
      const cut = await cutAfter(port, bytes);
      // Where the end comes right behind the handshake, node:http2 does not notice it: that is for the timeout.
      const client = secureClient(await sourceOf(a, { path: '/client' }), cut, { handshakeTimeoutMs: 300 });
      await client.unary().catch(() => {});
      client.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));

    expect(unhandled).toEqual([]);
    expect(await secureClient(await sourceOf(a, { path: '/client' }), port).unary()).toMatchObject({
      peer: 'spiffe://a.test/client',
    });
  });

  it('of calls by the client during rotations leaves connections usable', async () => {
    const { a } = await world();
    const { port } = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const source = await sourceOf(a, { path: '/client' });
    const client = secureClient(source, port);
    const load = loadOn(client, 4);

    for (let round = 0; round < 20; round += 1) {
      const chats = Array.from({ length: 4 }, () => client.chat());
      for (const chat of chats) {
        chat.on('error', () => {});
        chat.write({ text: 'x' });
      }
      await load.more(8);
      if (round % 4 === 0) await rotate(source, a, { path: '/client' });
      for (const chat of chats) chat.cancel();
    }
    await load.stop();

    expect(load.failures).toEqual([]);
  });
});

describe('shutting a server down', () => {
  it('lets calls in flight finish, and takes no more', async () => {
    const { a } = await world();
    const { promise: begun, resolve: begin } = Promise.withResolvers<() => void>();
    const { port, server } = await secureEchoServer(await sourceOf(a, { path: '/server' }), {
      unary: (_call, callback) => begin(() => callback(null, { text: 'finished' })),
    });
    const client = secureClient(await sourceOf(a, { path: '/client' }), port);
    const inFlight = client.unary();
    const finish = await begun;

    const ended = shutdownServer(server, { deadlineMs: 10_000 });
    const further = failureOf(client.unary());
    finish();

    expect(await inFlight).toEqual({ text: 'finished' });
    expect(await ended).toBe(true);
    expect(await further).toMatchObject({ code: status.UNAVAILABLE });
  });

  it('ends what is left at the deadline', async () => {
    const { a } = await world();
    const clock = manualClock();
    const { port, server } = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const chat = secureClient(await sourceOf(a, { path: '/client' }), port).chat();
    chat.write({ text: 'begun' });
    await once(chat, 'data');
    const failed = once(chat, 'error');
    const ended = shutdownServer(server, { deadlineMs: 1000, clock });

    clock.advance(1001);

    expect(await ended).toBe(false);
    expect(await failed).toMatchObject([{ code: expect.any(Number) as number }]);
  });

  it.each([-1, Number.NaN, '5'])('does not take %s for a deadline', async (deadlineMs) => {
    await expect(shutdownServer(new Server(), { deadlineMs: deadlineMs as number })).rejects.toMatchObject({
      code: 'ERR_CONFIG_OPTION',
    });
  });
});

/** How servers of this process replace their certificates. */
function replacing(): unknown {
  return Object.getOwnPropertyDescriptor(TlsServer.prototype, 'setSecureContext')?.value;
}

/** A way to a port that is reset once so many bytes have gone through it. */
async function cutAfter(port: number, bytes: number): Promise<number> {
  return listen(
    createTcp((inner) => {
      const outer = connectTcp(port, '127.0.0.1');
      let left = bytes;
      const pass = (to: Socket) => (chunk: Buffer) => {
        left -= chunk.length;
        to.write(chunk);
        if (left > 0) return;
        inner.resetAndDestroy();
        outer.resetAndDestroy();
      };
      inner
        .on('error', () => {})
        .on('close', () => outer.destroy())
        .on('data', pass(outer));
      outer
        .on('error', () => {})
        .on('close', () => inner.destroy())
        .on('data', pass(inner));
      if (bytes === 0) inner.resetAndDestroy();
    }),
  );
}
