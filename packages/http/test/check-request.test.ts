import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';

import { type ExecutionContext } from '@nestjs/common';
import { authorizeAny, authorizeId, type Authorizer } from '@svidkit/core';
import { createTestCa, manualClock } from '@svidkit/testkit';
import { createHttpsAgent, createHttpsServer, secureServer } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { authorize } from '../src/express.ts';
import { authorize as authorizeFastify } from '../src/fastify.ts';
import { authorize as authorizeHono } from '../src/hono.ts';
import { checkRequest, problemOf } from '../src/index.ts';
import { authorize as authorizeKoa } from '../src/koa.ts';
import { authorize as authorizeNest } from '../src/nest.ts';
import { authorizeUpgrade, type UpgradeTarget } from '../src/ws.ts';
import { ask, askHttp2, clientOf, closeAll, closing, listen, refusals, sourceOf } from './fixtures.ts';

afterEach(closeAll);

/** A listener without a framework, as the guide has it. */
function guarded(authorizer: Authorizer): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    try {
      response.end(checkRequest(request, authorizer).id.toString());
    } catch (error) {
      const { status, headers, body } = problemOf(error);
      response.writeHead(status, headers).end(JSON.stringify(body));
    }
  };
}

describe('checkRequest', () => {
  it('gives the peer of an authorised request, and refuses another', async () => {
    const port = await listen(
      createHttpsServer(
        await sourceOf('/server'),
        { authorize: authorizeAny() },
        guarded(authorizeId('spiffe://a.test/admin')),
      ),
    );
    expect(await ask(await clientOf('/admin'), port, '/')).toMatchObject({
      status: 200,
      body: 'spiffe://a.test/admin',
    });
    expect(await ask(await clientOf('/guest'), port, '/')).toMatchObject({ status: 403 });
  });

  it('refuses whoever expired between the gate and the question, with 401', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const HOUR = 3_600_000;
    const source = closing(await ca.source({ lifetimeMs: 10 * HOUR }), (one) => one.close());
    const listener = guarded(authorizeAny());
    const server = createHttpsServer(source, { authorize: authorizeAny(), clock }, (request, response) => {
      if (request.url === '/late') clock.set(clock.now() + 2 * HOUR);
      listener(request, response);
    });
    const port = await listen(server);
    const client = closing(await ca.source({ path: '/web', lifetimeMs: HOUR }), (one) => one.close());
    const still = manualClock(clock.now());
    const agent = closing(createHttpsAgent(client, { authorize: authorizeAny(), clock: still }), (one) =>
      one.destroy(),
    );
    const events = refusals();

    expect(await ask(agent, port, '/')).toMatchObject({ status: 200 });
    const { status, body } = await ask(agent, port, '/late');
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([401, 'ERR_PEER_EXPIRED']);
    expect(events).toMatchObject([
      { id: 'spiffe://a.test/web', path: '/late', error: { code: 'ERR_PEER_EXPIRED' } },
    ]);
  });

  it('knows the peer of a request of HTTP/2', async () => {
    const server = secureServer(
      createSecureServer({}, guarded(authorizeId('spiffe://a.test/admin')) as never),
      await sourceOf('/server'),
      { authorize: authorizeAny() },
    );
    const port = await listen(server);
    const events = refusals();
    expect(await askHttp2(port, '/admin', '/secret')).toEqual([200, 'spiffe://a.test/admin']);
    expect(await askHttp2(port, '/guest', '/secret?token=1')).toEqual([
      403,
      expect.stringContaining('ERR_PEER_UNAUTHORIZED'),
    ]);
    expect(events).toMatchObject([{ id: 'spiffe://a.test/guest', method: 'GET', path: '/secret' }]);
  });

  it.each([undefined, null, {}, { socket: null }, { method: 'GET', url: '/' }])(
    'refuses %j, which leads to no connection',
    (request) => {
      expect(() => checkRequest(request, authorizeAny())).toThrow(
        expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }),
      );
    },
  );

  it.each([
    ['/a/b?token=s3cret', '/a/b'],
    ['/a#s3cret', '/a'],
    ['https://user:s3cret@host/a?b', '/a'],
    ['https://user:s3cret@host', undefined],
    ['user:s3cret@host:443', undefined],
    ['?s3cret', undefined],
    ['', undefined],
  ])('publishes of the target %s the path alone', (url, path) => {
    const events = refusals();
    expect(() => checkRequest({ method: 'GET', url }, authorizeAny())).toThrow('not admitted');
    expect(events.map((event) => event.path)).toEqual([path]);
  });

  it('refuses when there is no authorizer', async () => {
    const port = await listen(
      createHttpsServer(
        await sourceOf('/server'),
        { authorize: authorizeAny() },
        guarded(undefined as unknown as Authorizer),
      ),
    );
    expect(await ask(await clientOf('/admin'), port, '/')).toMatchObject({ status: 403 });
  });
});

describe('what is not an authorizer', () => {
  const target = {} as UpgradeTarget;
  const ways: Record<string, (authorizer: Authorizer) => unknown> = {
    express: authorize,
    fastify: authorizeFastify,
    koa: authorizeKoa,
    hono: authorizeHono,
    nest: authorizeNest,
    ws: (authorizer) => authorizeUpgrade(target, authorizer),
  };

  it.each(Object.entries(ways))('is refused by %s when the application is built', (_, way) => {
    for (const value of [undefined, null, {}, 'spiffe://a.test/admin', () => true]) {
      expect(() => way(value as Authorizer)).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_AUTHORIZER' }),
      );
    }
    expect(way(authorizeAny())).toBeDefined();
  });
});

it('a response that has begun already keeps a handler from running as well', async () => {
  let handled = 0;
  const middleware = authorize(authorizeAny());
  const port = await listen(
    createServer((request, response) => {
      response.flushHeaders();
      try {
        middleware(request, response, () => (handled += 1));
      } catch {
        response.end('refused');
      }
    }),
  );
  expect(await ask(undefined, port, '/')).toMatchObject({ body: 'refused' });
  expect(handled).toBe(0);
});

it('a guard of Nest refuses what is no request over HTTP, whatever it looks like', async () => {
  const request = { socket: {} };
  const context = (type: string): ExecutionContext => {
    const http = { getRequest: () => request, getResponse: () => undefined };
    return { getType: () => type, switchToHttp: () => http } as unknown as ExecutionContext;
  };
  const { promise, resolve } = Promise.withResolvers<object>();
  const port = await listen(
    createHttpsServer(await sourceOf('/server'), { authorize: authorizeAny() }, ({ socket }, response) => {
      resolve(socket);
      response.end();
    }),
  );
  await ask(await clientOf('/web'), port, '/');
  request.socket = await promise;
  const guard = authorizeNest(authorizeAny());

  expect(guard.canActivate(context('http'))).toBe(true);
  for (const type of ['rpc', 'ws', 'graphql']) {
    expect(() => guard.canActivate(context(type))).toThrow(expect.objectContaining({ status: 401 }));
  }
});
