import { type RequestListener } from 'node:http';
import { type Server } from 'node:https';

import { getRequestListener } from '@hono/node-server';
import { Controller, Get } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { authorizeAny } from '@svidkit/core';
import { peerOf } from '@svidkit/http/express';
import { gatedServer, requestPeer } from '@svidkit/http/fastify';
import { authorize as authorizeHono } from '@svidkit/http/hono';
import { RequestPeer } from '@svidkit/http/nest';
import { createHttpsServer, type Peer, secureServer } from '@svidkit/tls';
import express from 'express';
import { fastify } from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';

import { closing } from '../../../packages/tls/test/fixtures.ts';
import { describe } from '../answer.ts';
import { hostServer } from '../host-server.ts';
import { Handled, type Transport } from '../transport.ts';
import { https } from './http1.ts';

/** Called by a handler; what it gives is the answer. */
type Handle = (peer: Peer) => Promise<string>;

/** The row of a framework, from what starts it. Its clients are those of https. */
function framework(
  start: (
    handle: Handle,
    source: Parameters<Transport['serve']>[0],
    options: Parameters<Transport['serve']>[1],
  ) => Promise<{ readonly server: Server; readonly listen?: () => Promise<unknown> }>,
): Transport {
  return {
    ...https,
    own: 'server',
    async serve(source, options) {
      const handled = new Handled();
      const handle: Handle = async (peer) => {
        handled.add(peer.id.toString());
        await options.hold?.();
        return describe(peer);
      };
      const { server, listen } = await start(handle, source, options);
      return hostServer(server, handled, options, listen);
    },
  };
}

/** The row of a framework whose application is a listener of requests. */
function listener(application: (handle: Handle) => RequestListener): Transport {
  return framework(async (handle, source, { authorize }) => ({
    server: createHttpsServer(source, { authorize }, application(handle)),
  }));
}

export const express5: Transport = listener((handle) => {
  const app = express();
  app.get('/', (request, response, next) => {
    handle(peerOf(request)).then((body) => void response.send(body), next);
  });
  return app;
});

export const koa: Transport = listener((handle) => {
  const app = new Koa();
  app.use(async (context) => {
    context.body = await handle(peerOf(context.req));
  });
  const callback = app.callback();
  return (request, response) => void callback(request, response);
});

export const hono: Transport = listener((handle) => {
  const app = new Hono();
  app.get('/', authorizeHono(authorizeAny()), async (c) => c.text(await handle(c.var.peer)));
  const respond = getRequestListener(app.fetch);
  return (request, response) => void respond(request, response);
});

export const fastify5: Transport = framework(async (handle, source, { authorize, host, port }) => {
  const app = closing(fastify({ ...gatedServer(source, { authorize }) }), (one) => one.close());
  await app.register(requestPeer);
  app.get('/', (request) => handle(request.peer));
  return { server: app.server, listen: () => app.listen({ host, port }) };
});

export const nest: Transport = framework(async (handle, source, { authorize, host, port }) => {
  class Application {
    open(peer: Peer): Promise<string> {
      return handle(peer);
    }
  }
  // Decorators are functions. Sources here run as they are, without a compiler that knows their syntax.
  Controller()(Application);
  Get('/')(
    Application.prototype,
    'open',
    Object.getOwnPropertyDescriptor(Application.prototype, 'open') ?? {},
  );
  RequestPeer()(Application.prototype, 'open', 0);
  const root = { module: Application, controllers: [Application] };
  const app = closing(await NestFactory.create(root, { logger: false, httpsOptions: {} }), (one) =>
    one.close(),
  );
  const server = secureServer(app.getHttpServer() as Server, source, { authorize });
  return { server, listen: () => app.listen(port, host) };
});
