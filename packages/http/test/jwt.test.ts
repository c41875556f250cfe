import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, IncomingMessage } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';

import { getRequestListener } from '@hono/node-server';
import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeWith,
  SpiffeError,
  staticDenyList,
  type SvidkitEvents,
} from '@svidkit/core';
import { JwtBundleSet, staticJwtSource } from '@svidkit/core/jwt';
import { createTestJwtAuthority, manualClock } from '@svidkit/testkit';
import { createHttpsServer, peerOf } from '@svidkit/tls';
import express from 'express';
import express4 from 'express4';
import { fastify } from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import { afterEach, describe, expect, it } from 'vitest';

import { authorizeJwt as expressJwt } from '../src/express.ts';
import { authorizeJwt as fastifyJwt } from '../src/fastify.ts';
import { authorizeJwt as honoJwt } from '../src/hono.ts';
import { anyPeerOf, checkJwt, type JwtPeer, jwtPeerOf } from '../src/index.ts';
import { authorizeJwt as koaJwt } from '../src/koa.ts';
import { authorizeJwt as nestJwt } from '../src/nest.ts';
import {
  type Answer,
  ask,
  clientOf,
  closeAll,
  closing,
  listen,
  portOf,
  refusals,
  sourceOf,
} from './fixtures.ts';

const clock = manualClock(Date.now() + 60_000);
const now = (): number => clock.now();
const authority = createTestJwtAuthority({ trustDomain: 'a.test', now });
const stranger = createTestJwtAuthority({ trustDomain: 'b.test', now });
const source = staticJwtSource({ bundles: JwtBundleSet.of(authority.bundle()), clock });

const AUDIENCE = 'spiffe://a.test/server';
const OPEN = { audience: AUDIENCE, authorize: authorizeMemberOf('a.test') };
const ADMIN = { audience: AUDIENCE, authorize: authorizeId('spiffe://a.test/admin') };

type Handle = (peer: JwtPeer) => string;
type Serve = (handle: Handle) => Promise<number>;

function tokenOf(path: string, options: Partial<Parameters<typeof authority.issue>[0]> = {}): string {
  return authority.issue({ subject: path, audience: AUDIENCE, ...options });
}

function get(port: number, path: string, token?: string): Promise<Answer> {
  return ask(
    undefined,
    port,
    path,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  );
}

/** The tokens that were accepted since. */
function acceptances(): SvidkitEvents['svidkit:jwt.accepted'][] {
  const seen: SvidkitEvents['svidkit:jwt.accepted'][] = [];
  const listener = (event: unknown): void => void seen.push(event as SvidkitEvents['svidkit:jwt.accepted']);
  subscribe('svidkit:jwt.accepted', listener);
  closing(undefined, () => unsubscribe('svidkit:jwt.accepted', listener));
  return seen;
}

function onExpress(create: typeof express): Serve {
  return (handle) => {
    const app = create();
    for (const [path, options] of [
      ['/open', OPEN],
      ['/admin', ADMIN],
    ] as const) {
      const router = create.Router();
      router.get('/', expressJwt(source, options), (req, res) => void res.send(handle(jwtPeerOf(req))));
      app.use(path, router);
    }
    return listen(createServer(app));
  };
}

const onKoa: Serve = (handle) => {
  const app = new Koa();
  for (const [path, options] of [
    ['/open', OPEN],
    ['/admin', ADMIN],
  ] as const) {
    const authorized = koaJwt(source, options);
    app.use((context, next) =>
      context.path === path
        ? authorized(context, async () => {
            context.body = handle(jwtPeerOf(context));
          })
        : next(),
    );
  }
  const callback = app.callback();
  return listen(createServer((request, response) => void callback(request, response)));
};

const onHono: Serve = (handle) => {
  const app = new Hono();
  app.get('/open', honoJwt(source, OPEN), (c) => c.text(handle(c.var.jwtPeer)));
  app.get('/admin', honoJwt(source, ADMIN), (c) => c.text(handle(jwtPeerOf(c as object))));
  const respond = getRequestListener(app.fetch);
  return listen(createServer((request, response) => void respond(request, response)));
};

const onFastify: Serve = async (handle) => {
  const app = closing(fastify(), (one) => one.close());
  app.get('/open', { onRequest: fastifyJwt(source, OPEN) }, (request) => handle(jwtPeerOf(request)));
  app.get('/admin', { onRequest: fastifyJwt(source, ADMIN) }, (request) => handle(jwtPeerOf(request.raw)));
  await app.listen({ host: '127.0.0.1', port: 0 });
  return portOf(app.server);
};

const onNest: Serve = async (handle) => {
  class Application {
    open(request: IncomingMessage): string {
      return handle(jwtPeerOf(request));
    }
    admin(request: IncomingMessage): string {
      return handle(jwtPeerOf(request));
    }
  }
  Controller()(Application);
  for (const [name, options] of [
    ['open', OPEN],
    ['admin', ADMIN],
  ] as const) {
    const descriptor = Object.getOwnPropertyDescriptor(Application.prototype, name) ?? {};
    Get(`/${name}`)(Application.prototype, name, descriptor);
    Req()(Application.prototype, name, 0);
    UseGuards(nestJwt(source, options))(Application.prototype, name, descriptor);
  }
  const app = await NestFactory.create(
    { module: Application, controllers: [Application] },
    { logger: false },
  );
  closing(app, (one) => one.close());
  await app.listen(0, '127.0.0.1');
  return portOf(app.getHttpServer() as ReturnType<typeof createServer>);
};

afterEach(closeAll);

describe.each([
  ['Express 5', onExpress(express)],
  ['Express 4', onExpress(express4)],
  ['Koa', onKoa],
  ['Hono', onHono],
  ['Fastify', onFastify],
  ['Nest', onNest],
])('%s', (_, serve) => {
  it('J-16: lets who shows a token of an authorised subject reach its handlers, which know who it is', async () => {
    const port = await serve((peer) => `${peer.kind} ${peer.id.toString()} ${peer.jwtId ?? ''}`);
    const [events, accepted] = [refusals(), acceptances()];
    expect(await get(port, '/admin', tokenOf('/admin', { claims: { jti: 'one' } }))).toMatchObject({
      status: 200,
      body: 'jwt spiffe://a.test/admin one',
    });
    expect(await get(port, '/open', tokenOf('/guest'))).toMatchObject({ status: 200 });
    expect(events).toEqual([]);
    expect(accepted.map(({ id }) => id)).toEqual(['spiffe://a.test/admin', 'spiffe://a.test/guest']);
  });

  it('answers others with a problem document and a challenge, runs no handler, and says once why', async () => {
    const handled: string[] = [];
    const port = await serve((peer) => String(handled.push(peer.id.toString())));
    const [events, accepted] = [refusals(), acceptances()];
    const token = tokenOf('/admin');
    const refused: readonly (readonly [code: string, status: number, token: string | undefined])[] = [
      ['ERR_JWT_MISSING', 401, undefined],
      ['ERR_JWT_MALFORMED', 401, 'nonsense'],
      ['ERR_JWT_SIGNATURE', 401, `${token.slice(0, -8)}AAAAAAAA`],
      ['ERR_JWT_AUDIENCE', 401, tokenOf('/admin', { audience: 'spiffe://a.test/other' })],
      ['ERR_JWT_EXPIRED', 401, tokenOf('/admin', { ttlMs: -60_000 })],
      ['ERR_BUNDLE_UNKNOWN', 401, stranger.issue({ subject: '/admin', audience: AUDIENCE })],
      ['ERR_PEER_UNAUTHORIZED', 403, tokenOf('/guest')],
    ];
    for (const [code, status, given] of refused) {
      const answer = await get(port, '/admin?token=s3cret', given);
      expect({ code, status: answer.status }).toEqual({ code, status });
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json(;|$)/);
      expect(JSON.parse(answer.body)).toMatchObject({ type: 'about:blank', status, code });
      const challenge =
        status === 403 ? undefined : code === 'ERR_JWT_MISSING' ? 'Bearer' : 'Bearer error="invalid_token"';
      expect(answer.headers['www-authenticate']).toBe(challenge);
    }
    expect([handled, accepted]).toEqual([[], []]);
    expect(events.map(({ error, path }) => [error.code, path])).toEqual(
      refused.map(([code]) => [code, '/admin']),
    );
    expect(JSON.stringify(events)).not.toContain(token.split('.')[2]);
  });
});

/** A server that answers with what `judge` says about its request. */
function serving(judge: (request: IncomingMessage) => unknown): Promise<number> {
  return listen(
    createServer((request, response) => {
      void (async () => judge(request))().then(
        (answer) => response.end(String(answer)),
        (error: unknown) => response.end(error instanceof SpiffeError ? error.code : String(error)),
      );
    }),
  );
}

/** One request with these lines as headers. */
async function raw(port: number, ...lines: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(['GET / HTTP/1.1', 'Host: a', 'Connection: close', ...lines, '', ''].join('\r\n'));
  return (await text(socket)).split('\r\n\r\n')[1] ?? '';
}

/** The kind of the peer that `ask` knows, or the code of its refusal. */
function kindOf(
  of: (request: IncomingMessage) => { readonly kind: string },
  request: IncomingMessage,
): string {
  try {
    return of(request).kind;
  } catch (error) {
    return (error as SpiffeError).code;
  }
}

describe('checkJwt', () => {
  it('J-16: takes one header, and not one of two', async () => {
    const port = await serving(async (request) => (await checkJwt(request, source, OPEN)).id);
    const [good, other] = [tokenOf('/guest'), tokenOf('/admin')];
    expect(await raw(port, `Authorization: Bearer ${good}`)).toContain('spiffe://a.test/guest');
    expect(await raw(port, `authorization: bearer ${good}`)).toContain('spiffe://a.test/guest');
    for (const lines of [
      [`Authorization: Bearer ${good}`, `Authorization: Bearer ${other}`],
      [`Authorization: Bearer ${good}, Bearer ${other}`],
      [`Authorization: Basic ${good}`],
      [`X-Authorization: Bearer ${good}`],
      [`Cookie: authorization=Bearer ${good}`],
    ]) {
      expect(await raw(port, ...lines)).toContain('ERR_JWT_MISSING');
    }
  });

  it('J-16: takes one header, and not one of two, whatever has looked at the prototype of requests', async () => {
    const prototype = IncomingMessage.prototype as object;
    const own = Object.getOwnPropertySymbols(prototype);
    inspect(IncomingMessage, { showHidden: true, getters: true });
    closing(prototype, () => {
      for (const symbol of Object.getOwnPropertySymbols(prototype)) {
        if (!own.includes(symbol)) Reflect.deleteProperty(prototype, symbol);
      }
    });
    const port = await serving(async (request) => (await checkJwt(request, source, OPEN)).id);
    const good = `Authorization: Bearer ${tokenOf('/guest')}`;
    expect(await raw(port, good)).toContain('spiffe://a.test/guest');
    expect(await raw(port, good, `Authorization: Bearer ${tokenOf('/admin')}`)).toContain('ERR_JWT_MISSING');
  });

  it('knows nobody before, and each request of a connection for itself', async () => {
    const port = await serving(async (request) => {
      const before = [kindOf(jwtPeerOf, request), kindOf(anyPeerOf, request)];
      if (request.headers.authorization !== undefined) await checkJwt(request, source, OPEN);
      const after = request.headers.authorization === undefined ? 'nobody' : jwtPeerOf(request).id.toString();
      return [...before, after].join(' ');
    });
    const { Agent } = await import('node:http');
    const agent = closing(new Agent({ keepAlive: true, maxSockets: 1 }), (one) => one.destroy());
    const { get: httpGet } = await import('node:http');
    const bodies: string[] = [];
    for (const token of [tokenOf('/guest'), undefined, tokenOf('/admin')]) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const [response] = (await once(httpGet({ port, agent, headers }), 'response')) as [IncomingMessage];
      bodies.push(await text(response));
    }
    expect(bodies).toEqual(
      ['spiffe://a.test/guest', 'nobody', 'spiffe://a.test/admin'].map(
        (who) => `ERR_PEER_UNVERIFIED ERR_PEER_UNVERIFIED ${who}`,
      ),
    );
  });

  it('a token never stands in for the peer of a connection, nor the other way round', async () => {
    const answers: unknown[] = [];
    const server = createHttpsServer(
      await sourceOf('/server'),
      { authorize: authorizeAny() },
      (request, response) => {
        void (async () => {
          answers.push(kindOf(jwtPeerOf, request), kindOf(anyPeerOf, request));
          await checkJwt(request, source, OPEN);
          const any = anyPeerOf(request);
          answers.push(any.kind, peerOf(request).id.toString(), jwtPeerOf(request).id.toString());
        })().finally(() => response.end());
      },
    );
    const port = await listen(server);
    await ask(await clientOf('/gateway'), port, '/', {
      headers: { authorization: `Bearer ${tokenOf('/guest')}` },
    });
    expect(answers).toEqual([
      'ERR_PEER_UNVERIFIED',
      'spiffe',
      'jwt',
      'spiffe://a.test/gateway',
      'spiffe://a.test/guest',
    ]);
  });

  it('works over HTTP/2', async () => {
    const server = createHttp2Server((request, response) => {
      void checkJwt(request as unknown as IncomingMessage, source, OPEN).then(({ id }) =>
        response.end(`${id.toString()} ${jwtPeerOf(request).id.toString()}`),
      );
    });
    const port = await listen(server);
    const { connect: connectHttp2 } = await import('node:http2');
    const session = closing(connectHttp2(`http://127.0.0.1:${port}`), (one) => one.destroy());
    const stream = session.request({ authorization: `Bearer ${tokenOf('/guest')}` });
    expect(await text(stream)).toBe('spiffe://a.test/guest spiffe://a.test/guest');
  });

  it('an authorizer that wants a certificate, or fails, refuses', async () => {
    const wantsLeaf = authorizeWith(
      { trustDomains: 'any', description: 'a serial number' },
      ({ leaf }) => leaf.serialNumber !== '',
    );
    const port = await serving(async (request) =>
      checkJwt(request, source, { ...OPEN, authorize: wantsLeaf }),
    );
    expect(await raw(port, `Authorization: Bearer ${tokenOf('/guest')}`)).toContain('ERR_PEER_UNAUTHORIZED');
  });

  it('turns away who is denied, from one request to the next', async () => {
    const deny = staticDenyList({});
    const port = await serving(async (request) => (await checkJwt(request, source, { ...OPEN, deny })).id);
    const answer = (): Promise<string> => raw(port, `Authorization: Bearer ${tokenOf('/guest')}`);
    expect(await answer()).toContain('spiffe://a.test/guest');
    deny.update({ ids: ['spiffe://a.test/guest'], keys: [`sha256:${'0'.repeat(64)}`] });
    expect(await answer()).toContain('ERR_PEER_DENIED');
    deny.update({ ids: ['spiffe://a.test/other'], keys: [`sha256:${'0'.repeat(64)}`] });
    expect(await answer()).toContain('spiffe://a.test/guest');
  });

  it('is not made without audience and authorizer', () => {
    for (const make of [expressJwt, fastifyJwt, koaJwt, honoJwt, nestJwt]) {
      expect(() => make(source, { ...OPEN, audience: [] })).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
      );
      expect(() => make(source, { audience: 'x' } as never)).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_AUTHORIZER' }),
      );
    }
  });

  it('refuses what is no request', async () => {
    for (const request of [undefined, null, {}]) {
      await expect(checkJwt(request as never, source, OPEN)).rejects.toMatchObject({
        code: 'ERR_JWT_MISSING',
      });
    }
    for (const holder of [undefined, null, {}, 7]) {
      expect(() => jwtPeerOf(holder as never)).toThrow(
        expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }),
      );
      expect(() => anyPeerOf(holder as never)).toThrow(
        expect.objectContaining({ code: 'ERR_PEER_UNVERIFIED' }),
      );
    }
  });
});
