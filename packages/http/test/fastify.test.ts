import dns, { type LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { authorizeAny, authorizeId } from '@svidkit/core';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { authorize, gatedServer, requestPeer } from '../src/fastify.ts';
import { authorizeUpgrade } from '../src/ws.ts';
import { agentOf, ask, askHttp2, clientOf, closeAll, closing, portOf, rotate, sourceOf } from './fixtures.ts';

afterEach(closeAll);

const BOTH = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/** Has `localhost` resolve to both loopback addresses, as on most machines. */
function resolveLocalhostToBoth(): void {
  const lookup = dns.lookup.bind(dns) as (...args: unknown[]) => void;
  vi.spyOn(dns, 'lookup').mockImplementation((name: string, ...rest: unknown[]) => {
    const callback = rest.pop() as (error: null, ...found: unknown[]) => void;
    const options = rest[0] as { readonly all?: boolean } | undefined;
    if (name !== 'localhost') return lookup(name, ...rest, callback);
    const [first] = BOTH as [LookupAddress];
    setImmediate(() =>
      options?.all === true ? callback(null, BOTH) : callback(null, first.address, first.family),
    );
    return undefined;
  });
}

async function ready<Instance extends FastifyInstance>(app: Instance): Promise<Instance> {
  closing(app, (one) => one.close());
  await app.register(requestPeer);
  app.get('/', (request) => request.peer.id.toString());
  return app;
}

describe('listening on localhost', () => {
  it.each([false, true])(
    'puts every address behind the gate, and rotates them all (HTTP/2: %s)',
    async (http2) => {
      resolveLocalhostToBoth();
      const source = await sourceOf('/server');
      const options = { authorize: authorizeId('spiffe://a.test/web') };
      const app = await ready(
        http2
          ? (fastify(gatedServer(source, { ...options, http2 })) as unknown as FastifyInstance)
          : fastify(gatedServer(source, { ...options, http2 })),
      );
      await app.listen({ host: 'localhost', port: 0 });
      const port = portOf(app.server);
      const [client, stranger] = [await sourceOf('/web'), await sourceOf('/stranger')];

      for (let round = 0; round < 3; round++) {
        for (const { address: host } of BOTH) {
          const answer = await ask(agentOf(client), port, '/', { host });
          expect(answer).toMatchObject({ status: 200, body: 'spiffe://a.test/web' });
          expect(answer.server?.certificate.serialNumber).toBe(source.current.svid.leaf.serialNumber);
          await expect(ask(agentOf(stranger), port, '/', { host })).rejects.toBeInstanceOf(Error);
          await expect(ask(undefined, port, '/', { host })).rejects.toBeInstanceOf(Error);
        }
        await rotate(source);
      }
    },
  );

  it('lets go of every address when it closes, after the requests in flight', async () => {
    resolveLocalhostToBoth();
    const app = await ready(fastify(gatedServer(await sourceOf('/server'), { authorize: authorizeAny() })));
    const [begin, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
    app.get('/slow', () => {
      begin.resolve();
      return finish.promise;
    });
    await app.listen({ host: 'localhost', port: 0 });
    const port = portOf(app.server);
    const headers = { connection: 'close' };
    const slow = ask(await clientOf('/web'), port, '/slow', { host: '::1', headers });
    await begin.promise;

    let closed = false;
    const ending = app.close().then(() => (closed = true));
    await once(app.server, 'close');
    for (const { address: host } of BOTH) {
      await expect(ask(await clientOf('/web'), port, '/', { host })).rejects.toMatchObject({
        code: 'ECONNREFUSED',
      });
    }
    expect(closed).toBe(false);
    finish.resolve('done');
    expect(await slow).toMatchObject({ status: 200, body: 'done' });
    await ending;
  });

  it('does with the addresses that are to be had', async () => {
    resolveLocalhostToBoth();
    const taken = createServer().listen(0, '::1');
    await once(taken, 'listening');
    closing(taken, (one) => void one.close());
    const app = await ready(fastify(gatedServer(await sourceOf('/server'), { authorize: authorizeAny() })));

    await app.listen({ host: 'localhost', port: portOf(taken) });

    expect(await ask(await clientOf('/web'), portOf(taken), '/')).toMatchObject({ status: 200 });
  });

  it('does not listen any more when it was closed before the name was resolved', async () => {
    resolveLocalhostToBoth();
    const app = fastify(gatedServer(await sourceOf('/server'), { authorize: authorizeAny() }));
    await app.ready();
    app.server.listen({ host: 'localhost', port: 0 });
    app.server.close();
    await new Promise((resolve) => dns.lookup('localhost', { all: true }, resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(app.server.listening).toBe(false);
    await app.close();
  });

  it('makes WebSockets on every address', async () => {
    resolveLocalhostToBoth();
    const app = await ready(fastify(gatedServer(await sourceOf('/server'), { authorize: authorizeAny() })));
    const sockets = closing(new WebSocketServer({ noServer: true }), (one) => one.close());
    sockets.on('connection', (socket) => socket.send('hello'));
    app.server.on('upgrade', authorizeUpgrade(sockets, authorizeId('spiffe://a.test/web')));
    await app.listen({ host: 'localhost', port: 0 });

    for (const host of ['127.0.0.1', '[::1]']) {
      const socket = new WebSocket(`wss://${host}:${portOf(app.server)}`, { agent: await clientOf('/web') });
      closing(socket, (one) => one.terminate());
      const [message] = (await once(socket, 'message')) as [Buffer];
      expect(message.toString()).toBe('hello');
    }
  });
});

it('listens on the one address that is asked for', async () => {
  resolveLocalhostToBoth();
  const app = await ready(fastify(gatedServer(await sourceOf('/server'), { authorize: authorizeAny() })));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const agent = await clientOf('/web');
  expect(await ask(agent, portOf(app.server), '/')).toMatchObject({ status: 200 });
  await expect(ask(agent, portOf(app.server), '/', { host: '::1' })).rejects.toMatchObject({
    code: 'ECONNREFUSED',
  });
});

it('knows the peer of a request of HTTP/2', async () => {
  const gated = gatedServer(await sourceOf('/server'), { authorize: authorizeAny(), http2: true });
  const app = await ready(fastify(gated) as unknown as FastifyInstance);
  app.get('/admin', { onRequest: authorize(authorizeId('spiffe://a.test/admin')) }, () => 'in');
  await app.listen({ host: '127.0.0.1', port: 0 });
  const port = portOf(app.server);

  expect(await askHttp2(port, '/web', '/')).toEqual([200, 'spiffe://a.test/web']);
  expect(await askHttp2(port, '/admin', '/admin')).toEqual([200, 'in']);
  expect(await askHttp2(port, '/web', '/admin')).toEqual([
    403,
    expect.stringContaining('ERR_PEER_UNAUTHORIZED'),
  ]);
});

it('takes the timeouts of Fastify', async () => {
  const source = await sourceOf('/server');
  const times = {
    keepAliveTimeout: 1001,
    requestTimeout: 1002,
    connectionTimeout: 1003,
    maxRequestsPerSocket: 4,
  };
  const app = fastify({ ...times, ...gatedServer(source, { authorize: authorizeAny() }) });
  closing(app, (one) => one.close());
  expect(app.server).toMatchObject({
    keepAliveTimeout: 1001,
    requestTimeout: 1002,
    timeout: 1003,
    maxRequestsPerSocket: 4,
  });
});

describe('the plugin', () => {
  it('covers routes of every scope below, those that were there before it, and paths that do not exist', async () => {
    const app = fastify();
    closing(app, (one) => one.close());
    const handled: string[] = [];
    app.get('/before', () => String(handled.push('before')));
    await app.register(requestPeer);
    await app.register(async (scope) => {
      scope.get('/scoped', () => String(handled.push('scoped')));
      await Promise.resolve();
    });
    await app.listen({ host: '127.0.0.1', port: 0 });

    for (const path of ['/before', '/scoped', '/nowhere']) {
      expect(await ask(undefined, portOf(app.server), path)).toMatchObject({ status: 401 });
    }
    expect(handled).toEqual([]);
  });

  it('has a peer that no other code can replace', async () => {
    const app = await ready(fastify(gatedServer(await sourceOf('/server'), { authorize: authorizeAny() })));
    app.get('/replaced', (request) => {
      Object.assign(request, { peer: { id: 'spiffe://a.test/admin' } });
      return request.peer.id.toString();
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const agent = await clientOf('/web');
    expect(await ask(agent, portOf(app.server), '/')).toMatchObject({ body: 'spiffe://a.test/web' });
    expect(await ask(agent, portOf(app.server), '/replaced')).toMatchObject({ status: 500 });
  });
});

it('a hook for a whole scope refuses in front of its routes, and nowhere else', async () => {
  const app = await ready(fastify(gatedServer(await sourceOf('/server'), { authorize: authorizeAny() })));
  await app.register(async (scope) => {
    scope.addHook('onRequest', authorize(authorizeId('spiffe://a.test/admin')));
    scope.get('/scoped', () => 'in');
    await Promise.resolve();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const port = portOf(app.server);
  expect(await ask(await clientOf('/web'), port, '/')).toMatchObject({ status: 200 });
  expect(await ask(await clientOf('/web'), port, '/scoped')).toMatchObject({ status: 403 });
  expect(await ask(await clientOf('/admin'), port, '/scoped')).toMatchObject({ status: 200, body: 'in' });
});
