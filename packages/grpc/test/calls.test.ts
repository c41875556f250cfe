import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { credentials, Metadata, ServerCredentials, status } from '@grpc/grpc-js';
import { authorizeId, authorizeMemberOf } from '@svidkit/core';
import { createChannelCredentials, createServerCredentials, peerOf } from '@svidkit/grpc';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, Events, sourceOf, world } from '../../tls/test/fixtures.ts';
import {
  clientWith,
  echoServer,
  failureOf,
  loadOn,
  type Message,
  secureClient,
  secureEchoServer,
  unavailable,
} from './fixtures.ts';

afterEach(closeAll);

async function sources() {
  const { a } = await world();
  return { server: await sourceOf(a, { path: '/server' }), client: await sourceOf(a, { path: '/client' }) };
}

const WHO = 'spiffe://a.test/client';

/** Call credentials that add one entry. */
const token = (name: string) =>
  credentials.createFromMetadataGenerator((_, callback) => {
    const made = new Metadata();
    made.set(name, 'secret');
    callback(null, made);
  });

describe('calls of every kind', () => {
  it('know their peer', async () => {
    const { server, client: own } = await sources();
    const { port, handled } = await secureEchoServer(server);
    const client = secureClient(own, port, { authorize: authorizeId('spiffe://a.test/server') });

    expect(await client.unary({ text: 'hello' })).toMatchObject({ peer: WHO, text: 'hello' });

    const collected = Promise.withResolvers<Message | undefined>();
    const writable = client.collect((error, message) =>
      error === null ? collected.resolve(message) : collected.reject(error),
    );
    for (const text of ['a', 'b', 'c']) writable.write({ text });
    writable.end();
    expect(await collected.promise).toMatchObject({ peer: WHO, count: 3 });

    const counts: unknown[] = [];
    for await (const message of client.spread({ count: 4 })) counts.push((message as Message).count);
    expect(counts).toEqual([1, 2, 3, 4]);

    const chat = client.chat();
    chat.write({ text: 'one' });
    expect(await once(chat, 'data')).toMatchObject([{ peer: WHO, text: 'one' }]);
    chat.end();
    chat.resume();
    await once(chat, 'end');

    expect(handled).toEqual([WHO, WHO, WHO, WHO]);
  });

  it('of many at once share one connection, and each has its own peer', async () => {
    const { a, b } = await world();
    const { port, handled } = await secureEchoServer(await sourceOf(a, { path: '/server', bundles: [a, b] }));
    const events = new Events();
    const clients = [
      secureClient(await sourceOf(a, { path: '/one' }), port),
      secureClient(await sourceOf(a, { path: '/two' }), port),
      secureClient(await sourceOf(b, { path: '/three', bundles: [a, b] }), port),
    ];

    const peers = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => (await clients[index % 3]?.unary())?.peer),
    );

    const expected = ['spiffe://a.test/one', 'spiffe://a.test/two', 'spiffe://b.test/three'];
    expect(peers).toEqual(Array.from({ length: 60 }, (_, index) => expected[index % 3]));
    expect(handled).toHaveLength(60);
    expect(events.accepted.filter(({ side }) => side === 'server')).toHaveLength(3);
  });

  it('do not find a peer where there is none', async () => {
    const server = await echoServer(ServerCredentials.createInsecure(), {
      unary: (_call, callback) => callback(null, {}),
    });
    const client = clientWith(server.port, credentials.createInsecure());

    // The handler of the fixture asks for the peer, and fails.
    expect(await failureOf(client.unary())).toMatchObject({ code: status.UNKNOWN });
    expect(() => peerOf({ getAuthContext: () => ({}) })).toThrow(
      expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }),
    );
    expect(() => peerOf({ getAuthContext: () => ({ session: {} }) })).toThrow(
      expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }),
    );
  });
});

describe('targets', () => {
  it.each([
    ['an IPv4 address', '127.0.0.1:0', (port: number) => `127.0.0.1:${port}`, '127.0.0.1'],
    ['an IPv6 address', '[::1]:0', (port: number) => `ipv6:[::1]:${port}`, '[::1]'],
    ['a DNS name', 'localhost:0', (port: number) => `dns:///localhost:${port}`, 'localhost'],
  ])('%s has the authorizer of its origin', async (_, address, target, host) => {
    const { server, client: own } = await sources();
    const { port } = await secureEchoServer(server, { address });
    const right = new Map([[`https://${host}:${port}`, authorizeId('spiffe://a.test/server')]]);
    const wrong = new Map([[`https://${host}:${port}`, authorizeId('spiffe://a.test/other')]]);
    const none = new Map([[`https://elsewhere.test:${port}`, authorizeMemberOf('a.test')]]);
    const call = (authorize: typeof right) => secureClient(own, target(port), { authorize }).unary();

    expect(await call(right)).toMatchObject({ peer: WHO });
    expect(await failureOf(call(wrong))).toMatchObject(unavailable('ERR_PEER_UNAUTHORIZED'));
    expect(await failureOf(call(none))).toMatchObject(unavailable('ERR_TARGET_UNKNOWN'));
  });

  it('a list of addresses has the authorizer of the address that is dialled', async () => {
    const { server, client: own } = await sources();
    const { port } = await secureEchoServer(server, { address: '0.0.0.0:0' });
    const call = (first: string, second: string) =>
      secureClient(own, `ipv4:127.0.0.1:${port},127.0.0.2:${port}`, {
        authorize: new Map([
          [`https://127.0.0.1:${port}`, authorizeId(`spiffe://a.test/${first}`)],
          [`https://127.0.0.2:${port}`, authorizeId(`spiffe://a.test/${second}`)],
        ]),
      }).unary();

    expect(await call('server', 'other')).toMatchObject({ peer: WHO });
    expect(await call('other', 'server')).toMatchObject({ peer: WHO });
    expect(await failureOf(call('other', 'another'))).toMatchObject(unavailable('ERR_PEER_UNAUTHORIZED'));
  });

  it('a unix socket has an origin that a function can name', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'svidkit-'));
    closing(directory, () => rmSync(directory, { recursive: true }));
    const target = `unix:${join(directory, 'echo.sock')}`;
    const { server, client: own } = await sources();
    await secureEchoServer(server, { address: target });
    const asked: string[] = [];
    const authorize = (origin: string) => {
      asked.push(origin);
      return origin === target ? authorizeMemberOf('a.test') : undefined;
    };

    expect(await secureClient(own, target, { authorize }).unary()).toMatchObject({ peer: WHO });
    expect(new Set(asked)).toEqual(new Set([target]));
    const byMap = new Map([['https://localhost', authorizeMemberOf('a.test')]]);
    expect(await failureOf(secureClient(own, target, { authorize: byMap }).unary())).toMatchObject(
      unavailable('ERR_TARGET_UNKNOWN'),
    );
  });

  it('round robin spreads calls over servers, and keeps away from one that is not authorised', async () => {
    const { a } = await world();
    const { client: own } = await sources();
    const one = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const two = await secureEchoServer(await sourceOf(a, { path: '/server' }));
    const third = await secureEchoServer(await sourceOf(a, { path: '/other' }));
    const client = secureClient(
      own,
      `ipv4:${[one, two, third].map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
      {
        authorize: authorizeId('spiffe://a.test/server'),
        channel: { 'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }) },
      },
    );

    const load = loadOn(client);
    await load.more(200);
    await load.stop();

    expect(load.failures).toEqual([]);
    expect(one.handled.length).toBeGreaterThan(50);
    expect(two.handled.length).toBeGreaterThan(50);
    expect(third.handled).toEqual([]);
  });
});

describe('what grpc-js can do beside', () => {
  it('call credentials go along, however they are combined', async () => {
    const { server, client: own } = await sources();
    const { port, metadata } = await secureEchoServer(server);
    const plain = createChannelCredentials(own, { authorize: authorizeMemberOf('a.test') });

    await clientWith(
      port,
      credentials.combineChannelCredentials(plain, token('x-one'), token('x-two')),
    ).unary();
    await clientWith(port, plain).unary({}, { credentials: token('x-three') });

    expect(
      metadata.map((one) => ['x-one', 'x-two', 'x-three'].filter((name) => one.get(name)[0] === 'secret')),
    ).toEqual([['x-one', 'x-two'], ['x-three']]);
  });

  it('a deadline ends a call that is not answered, and reaches the server', async () => {
    const { server, client: own } = await sources();
    const cancelled = Promise.withResolvers<void>();
    const { port } = await secureEchoServer(server, {
      unary: (call) => void call.on('cancelled', () => cancelled.resolve()),
    });
    const client = secureClient(own, port);

    expect(await failureOf(client.unary({}, { deadline: Date.now() + 200 }))).toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await cancelled.promise;
  });

  it('keep-alive pings keep an idle connection, and the same one is used again', async () => {
    const { server, client: own } = await sources();
    const { port } = await secureEchoServer(server);
    const events = new Events();
    const client = secureClient(own, port, {
      channel: { 'grpc.keepalive_time_ms': 20, 'grpc.keepalive_permit_without_calls': 1 },
    });
    const chat = client.chat();
    chat.write({});
    await once(chat, 'data');
    await new Promise((resolve) => setTimeout(resolve, 150));

    expect(await client.unary()).toMatchObject({ peer: WHO });
    expect(events.accepted.filter(({ side }) => side === 'server')).toHaveLength(1);
    chat.cancel();
    chat.on('error', () => {});
  });

  it('channels with the same credentials share a connection, others do not', async () => {
    const { server, client: own } = await sources();
    const { port } = await secureEchoServer(server);
    const events = new Events();
    const one = createChannelCredentials(own, { authorize: authorizeMemberOf('a.test') });
    const other = createChannelCredentials(own, { authorize: authorizeId('spiffe://a.test/server') });
    const shared = { 'grpc.use_local_subchannel_pool': 0 };

    await clientWith(port, one, shared).unary();
    await clientWith(port, one, shared).unary();
    expect(events.accepted.filter(({ side }) => side === 'server')).toHaveLength(1);
    await clientWith(port, other, shared).unary();
    expect(events.accepted.filter(({ side }) => side === 'server')).toHaveLength(2);
  });

  it('one server listens at several ports, with its own and with other credentials', async () => {
    const { server: source, client: own } = await sources();
    const { server, port } = await secureEchoServer(source);
    const second = await new Promise<number>((resolve, reject) => {
      const more = createServerCredentials(source, { authorize: authorizeId('spiffe://a.test/admin') });
      server.bindAsync('127.0.0.1:0', more, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });

    expect(await secureClient(own, port).unary()).toMatchObject({ peer: WHO });
    expect(await failureOf(secureClient(own, second).unary())).toMatchObject({ code: status.UNAVAILABLE });
  });
});
