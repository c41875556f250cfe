import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { createServer, type TLSSocket } from 'node:tls';

import { authorizeAny, authorizeId, type SpiffeError, type X509Source } from '@svidkit/core';
import { connectTls, createHttp2Client, createHttpsAgent } from '@svidkit/tls';
import { secureServer } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  application,
  closeAll,
  closing,
  Events,
  exchange,
  expectFailure,
  get,
  listen,
  serve,
  SERVICES,
  sourceOf,
  world,
} from './fixtures.ts';

afterEach(closeAll);

/** Every way to ask a server something. */
const ASK: Record<string, (source: X509Source, port: number) => Promise<unknown>> = {
  connectTls: async (source, port) =>
    exchange(
      await connectTls(source, {
        authorize: authorizeAny(),
        host: '127.0.0.1',
        port,
        ALPNProtocols: ['http/1.1'],
      }),
    ),
  createHttpsAgent: (source, port) => {
    const agent = closing(createHttpsAgent(source, { authorize: authorizeAny() }), (one) => one.destroy());
    return get({ agent, host: '127.0.0.1', port });
  },
  createHttp2Client: async (source, port) => {
    const client = createHttp2Client(source, `https://127.0.0.1:${port}`, { authorize: authorizeAny() });
    closing(client, (one) => one.destroy());
    const stream = await client.request({ ':path': '/' });
    await once(stream, 'response');
    return stream.resume();
  },
};

/** How servers turn a client away after the handshake. */
const REFUSALS: Record<string, (socket: TLSSocket) => void> = {
  'ends the connection': (socket) => socket.end(),
  'destroys the connection': (socket) => socket.destroy(),
  'resets the connection': (socket) => {
    (socket as TLSSocket & { _parent: { resetAndDestroy(): void } })._parent.resetAndDestroy();
  },
};

describe.each(Object.entries(ASK))('%s', (_, ask) => {
  it.each(Object.entries(REFUSALS))(
    'says so when the server %s after a good handshake',
    async (__, refuse) => {
      const { a } = await world();
      const server = await a.issue({ path: '/server' });
      const port = await listen(
        createServer(
          { cert: server.certPem, key: server.keyPem, ALPNProtocols: ['h2', 'http/1.1'] },
          (socket) => {
            socket.on('error', () => {});
            refuse(socket);
          },
        ),
      );
      const events = new Events();
      const source = await sourceOf(a, { path: '/client' });

      const failure = await expectFailure(ask(source, port));

      expect(failure).toMatchObject({
        code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE',
        blame: 'peer',
        peer: 'spiffe://a.test/server',
      });
      expect(failure.message).toContain('we are spiffe://a.test/client (generation 1)');
      expect((failure as SpiffeError).hint).toContain('peer.rejected');
      expect(events.codes('client')).toEqual(['ERR_PEER_CLOSED_AFTER_HANDSHAKE']);
    },
  );

  it('says so when OpenSSL on the other side wants another certificate', async () => {
    const { a, b } = await world();
    const server = await a.issue({ path: '/server' });
    const tls = createServer({
      cert: server.certPem,
      key: server.keyPem,
      ALPNProtocols: ['h2', 'http/1.1'],
      requestCert: true,
      rejectUnauthorized: true,
      ca: b.bundlePem,
    });
    tls.on('tlsClientError', () => {});
    const port = await listen(tls);

    expect(await expectFailure(ask(await sourceOf(a), port))).toMatchObject({
      code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE',
    });
  });

  it('says so when one of our own servers does not authorize it, and gets an answer from one that does', async () => {
    const { a } = await world();
    const source = await sourceOf(a, { path: '/client' });
    const make = (id: string) =>
      serve(async (handled) =>
        secureServer(
          createSecureServer({ allowHTTP1: true }, application(handled) as never),
          await sourceOf(a),
          {
            authorize: authorizeId(id),
          },
        ),
      );
    const strict = await make('spiffe://a.test/somebody-else');
    const open = await make('spiffe://a.test/client');

    expect(await expectFailure(ask(source, strict.port))).toMatchObject({
      code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE',
    });
    await ask(source, open.port);
    expect(strict.handled).toEqual([]);
    expect(open.handled).toEqual(['spiffe://a.test/client']);
  });
});

describe('a connection of which the server never speaks', () => {
  it('ends as usual where that was expected', async () => {
    const { a } = await world();
    const received: string[] = [];
    const service = await SERVICES['createTlsServer']?.(await sourceOf(a));
    service?.server.removeAllListeners('secureConnection');
    service?.server.on('secureConnection', (socket: TLSSocket) => {
      socket.on('data', (chunk) => received.push(String(chunk)));
      socket.on('end', () => socket.end());
    });
    const events = new Events();
    const socket = await connectTls(await sourceOf(a), {
      authorize: authorizeAny(),
      host: '127.0.0.1',
      port: service?.port ?? 0,
      expectFirstByte: false,
    });
    closing(socket, (one) => one.destroy());

    socket.end('one way').resume();
    await once(socket, 'close');

    expect(received).toEqual(['one way']);
    expect(events.codes('client')).toEqual([]);
  });
});
