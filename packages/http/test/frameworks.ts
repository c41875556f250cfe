import { createServer, type RequestListener } from 'node:http';
import { type Server } from 'node:https';

import { getRequestListener } from '@hono/node-server';
import {
  Controller,
  Get,
  type INestApplication,
  type NestApplicationOptions,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { authorizeAny, authorizeId, authorizeWith, type X509Source } from '@svidkit/core';
import { createHttpsServer, type Peer, secureServer } from '@svidkit/tls';
import express from 'express';
import express4 from 'express4';
import { fastify, type FastifyInstance } from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';

import { authorize as authorizeExpress, peerOf } from '../src/express.ts';
import { authorize as authorizeFastify, gatedServer, requestPeer } from '../src/fastify.ts';
import { authorize as authorizeHono } from '../src/hono.ts';
import { authorize as authorizeKoa } from '../src/koa.ts';
import { authorize as authorizeNest, RequestPeer } from '../src/nest.ts';
import { closing, listen, portOf } from './fixtures.ts';

/** Who may reach each path of the applications below. */
const ROUTES = {
  '/open': authorizeAny(),
  '/admin': authorizeId('spiffe://a.test/admin'),
  '/broken': authorizeWith({ trustDomains: 'any', description: 'nobody knows' }, () => {
    throw new Error('the table of permissions, with a password in it, is gone');
  }),
};

/** Called by a handler; what it gives is the answer. */
type Handle = (peer: Peer) => string;

/** Serves the application of a framework. Gives the port. */
export interface Framework {
  /** As the guide says. */
  readonly gated: (source: X509Source, handle: Handle) => Promise<number>;
  /** The same application by mistake on a server without a gate. */
  readonly plain: (handle: Handle) => Promise<number>;
}

/** An application that is a listener is served by one line. */
function listener(application: (handle: Handle) => RequestListener): Framework {
  return {
    gated: (source, handle) =>
      listen(createHttpsServer(source, { authorize: authorizeAny() }, application(handle))),
    plain: (handle) => listen(createServer(application(handle))),
  };
}

function expressApplication(create: typeof express, handle: Handle): RequestListener {
  const app = create();
  for (const [path, authorizer] of Object.entries(ROUTES)) {
    const router = create.Router();
    router.get('/', authorizeExpress(authorizer), (req, res) => void res.send(handle(peerOf(req))));
    app.use(path, router);
  }
  return app;
}

function koaApplication(handle: Handle): RequestListener {
  const app = new Koa();
  for (const [path, authorizer] of Object.entries(ROUTES)) {
    const authorized = authorizeKoa(authorizer);
    app.use((context, next) =>
      context.path === path
        ? authorized(context, async () => {
            context.body = handle(peerOf(context.req));
          })
        : next(),
    );
  }
  const callback = app.callback();
  return (request, response) => void callback(request, response);
}

function honoApplication(handle: Handle): RequestListener {
  const app = new Hono();
  for (const [path, authorizer] of Object.entries(ROUTES)) {
    app.get(path, authorizeHono(authorizer), (c) => c.text(handle(c.var.peer)));
  }
  const respond = getRequestListener(app.fetch);
  return (request, response) => void respond(request, response);
}

async function fastifyApplication(app: FastifyInstance, handle: Handle): Promise<number> {
  closing(app, (one) => one.close());
  await app.register(requestPeer);
  app.get('/open', (request) => handle(request.peer));
  for (const [path, authorizer] of Object.entries(ROUTES).filter(([route]) => route !== '/open')) {
    app.get(path, { onRequest: authorizeFastify(authorizer) }, (request) => handle(request.peer));
  }
  await app.listen({ host: '127.0.0.1', port: 0 });
  return portOf(app.server);
}

/** Decorators are functions. Sources here run as they are, without a compiler that knows their syntax. */
async function nestApplication(handle: Handle, options: NestApplicationOptions): Promise<INestApplication> {
  class Application {
    open(peer: Peer): string {
      return handle(peer);
    }
    admin(peer: Peer): string {
      return handle(peer);
    }
    broken(peer: Peer): string {
      return handle(peer);
    }
  }
  Controller()(Application);
  for (const [path, authorizer] of Object.entries(ROUTES)) {
    const name = path.slice(1);
    const descriptor = Object.getOwnPropertyDescriptor(Application.prototype, name) ?? {};
    Get(path)(Application.prototype, name, descriptor);
    RequestPeer()(Application.prototype, name, 0);
    if (name !== 'open') UseGuards(authorizeNest(authorizer))(Application.prototype, name, descriptor);
  }
  const root = { module: Application, controllers: [Application] };
  return closing(await NestFactory.create(root, { logger: false, ...options }), (app) => app.close());
}

async function listenNest(app: INestApplication): Promise<number> {
  await app.listen(0, '127.0.0.1');
  return portOf(app.getHttpServer() as Server);
}

/** Every framework that there is a guide for. */
export const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  'Express 5': listener((handle) => expressApplication(express, handle)),
  'Express 4': listener((handle) => expressApplication(express4, handle)),
  Koa: listener(koaApplication),
  Hono: listener(honoApplication),
  Fastify: {
    gated: (source, handle) =>
      fastifyApplication(fastify({ ...gatedServer(source, { authorize: authorizeAny() }) }), handle),
    plain: (handle) => fastifyApplication(fastify(), handle),
  },
  Nest: {
    async gated(source, handle) {
      const app = await nestApplication(handle, { httpsOptions: {} });
      secureServer(app.getHttpServer() as Server, source, { authorize: authorizeAny() });
      return listenNest(app);
    },
    plain: async (handle) => listenNest(await nestApplication(handle, {})),
  },
};
