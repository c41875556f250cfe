import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { createSecureServer } from 'node:http2';
import { type Duplex } from 'node:stream';
import { type TLSSocket } from 'node:tls';

import { authorizeAny, type Authorizer } from '@svidkit/core';
import { peerOf, secureServer } from '@svidkit/tls';
import { createDispatcher } from '@svidkit/undici';
import { DecoratorHandler, Dispatcher, EventSource, interceptors, request, upgrade, WebSocket } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  describePeer,
  Events,
  expectFailure,
  httpsService,
  listen,
  rotate,
  sourceOf,
  world,
} from '../../tls/test/fixtures.ts';
import { valve } from '../../tls/test/valve.ts';
import {
  anyService,
  ClientSockets,
  codeOf,
  dispatcherOf,
  holdingService,
  originOf,
  PROTOCOLS,
} from './fixtures.ts';

afterEach(closeAll);

/** A text message, unmasked and short. */
function frame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
}

/** A service for WebSockets that says whom it sees, and `bye` to whatever it is told. */
async function webSocketService() {
  const { a } = await world();
  // It would take WebSockets over HTTP/2, too (RFC 8441).
  const http2 = createSecureServer({ allowHTTP1: true, settings: { enableConnectProtocol: true } });
  const server = secureServer(http2, await sourceOf(a, { path: '/server' }), { authorize: authorizeAny() });
  server.on('upgrade', (asked: IncomingMessage, socket: Duplex) => {
    const key = `${asked.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.write(frame(describePeer(asked)));
    socket.on('data', (chunk: Buffer) => {
      if (((chunk[0] ?? 0) & 0x0f) === 1) socket.write(frame('bye'));
    });
  });
  return { port: await listen(server), server };
}

describe('a dispatcher', () => {
  it.each(PROTOCOLS)('tells who answers, by the context of undici.request, over %s', async (_, allowH2) => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a, { path: '/server' }));
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2 });

    const { body, context } = await request(originOf(service), { dispatcher });

    expect(peerOf(context)).toMatchObject({ role: 'server' });
    expect(peerOf(context).id.toString()).toBe('spiffe://a.test/server');
    await body.dump();
  });

  it('tells interceptors who will answer, before anything is sent', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a, { path: '/server' }));
    const seen: string[] = [];
    const watch: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
      const watched: Dispatcher.DispatchHandler = new DecoratorHandler(handler);
      const start = watched.onRequestStart?.bind(watched);
      watched.onRequestStart = (controller, context: object) => {
        seen.push(peerOf(context).id.toString());
        start?.(controller, context);
        controller.abort(new Error('not to this one'));
      };
      return dispatch(options, watched);
    };
    const dispatcher = dispatcherOf(await sourceOf(a)).compose(watch);

    expect((await expectFailure(request(originOf(service), { dispatcher }))).message).toBe('not to this one');
    expect(seen).toEqual(['spiffe://a.test/server']);
    expect(service.handled).toEqual([]);
  });

  it('works with the retry interceptor', async () => {
    const { a } = await world();
    let asked = 0;
    const service = await anyService(await sourceOf(a), {}, (_, response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200).end('here');
    });
    const dispatcher = dispatcherOf(await sourceOf(a)).compose(
      interceptors.retry({ maxRetries: 3, minTimeout: 1, timeoutFactor: 1 }),
    );

    const { body, statusCode } = await request(originOf(service), { dispatcher });

    expect([statusCode, await body.text(), asked]).toEqual([200, 'here', 3]);
  });

  it('carries upgrades, whose socket tells who is there', async () => {
    const service = await webSocketService();
    const { a } = await world();
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2: true });

    const { socket } = await upgrade(originOf(service), {
      dispatcher,
      protocol: 'websocket',
      headers: { 'sec-websocket-key': 'x' },
    });

    closing(socket, (one) => one.destroy());
    expect(peerOf(socket as TLSSocket).id.toString()).toBe('spiffe://a.test/server');
    const events = new Events();
    await dispatcher.close();
    expect(events.drained).toEqual([{ side: 'client', id: 'spiffe://a.test/server', reason: 'shutdown' }]);
    expect(socket.destroyed).toBe(false);
  });

  it('emits the events of its connections', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const dispatcher = dispatcherOf(await sourceOf(a));
    const told: unknown[] = [];
    dispatcher.on('connect', (origin, [outer]) =>
      told.push(['connect', origin.origin, outer === dispatcher]),
    );
    dispatcher.on('disconnect', (origin) => told.push(['disconnect', origin.origin]));
    dispatcher.on('connectionError', (_, __, error) => told.push(codeOf(error)));

    await (await request(originOf(service), { dispatcher })).body.dump();
    await dispatcher.close();

    expect(told).toEqual([
      ['connect', originOf(service), true],
      ['disconnect', originOf(service)],
    ]);
  });
});

describe.each(PROTOCOLS)('a WebSocket, where %s is allowed', (_, allowH2) => {
  it('goes through verified connections, and lives on over a rotation and a close()', async () => {
    const service = await webSocketService();
    const { a } = await world();
    const source = await sourceOf(a, { path: '/client' });
    const dispatcher = dispatcherOf(source, { allowH2 });
    const socket = new WebSocket(`wss://127.0.0.1:${service.port}/`, { dispatcher });
    const next = async (): Promise<unknown> => ((await once(socket, 'message')) as [MessageEvent])[0].data;
    expect(await next()).toContain('peer=spiffe://a.test/client ');

    await rotate(source, a, { path: '/client' });
    await dispatcher.close();
    socket.send('hello');
    expect(await next()).toBe('bye');

    const closed = once(socket, 'close');
    await dispatcher.destroy();
    await closed;
  });

  it('is not opened to a server that its authorizer refuses', async () => {
    const service = await webSocketService();
    const { a } = await world();
    const sentAway = dispatcherOf(await sourceOf(a), { allowH2, authorize: authorizeNobody });
    const socket = new WebSocket(`wss://127.0.0.1:${service.port}/`, { dispatcher: sentAway });
    const [event] = (await once(socket, 'error')) as [Event];
    expect(event.type).toBe('error');
    expect(socket.readyState).toBe(WebSocket.CLOSED);
  });
});

const authorizeNobody: Authorizer = {
  description: 'nobody',
  trustDomains: 'any',
  authorize: () => {
    throw new Error('nobody');
  },
};

describe.each(PROTOCOLS)('an EventSource over %s', (_, allowH2) => {
  it('receives events, finishes over a rotation, and comes back by itself with the new identity', async () => {
    const { a } = await world();
    const answers: { write(chunk: string): unknown; end(): unknown }[] = [];
    const service = await anyService(await sourceOf(a, { path: '/server' }), {}, (asked, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`retry: 1\ndata: ${describePeer(asked).trim()}\n\n`);
      answers.push(response);
    });
    const source = await sourceOf(a, { path: '/client' });
    const events = new EventSource(originOf(service), { dispatcher: dispatcherOf(source, { allowH2 }) });
    closing(events, (one) => one.close());
    const next = async (): Promise<unknown> => ((await once(events, 'message')) as [MessageEvent])[0].data;
    const before = source.current.svid.leaf.serialNumber;
    expect(await next()).toBe(`peer=spiffe://a.test/client serial=${before}`);

    await rotate(source, a, { path: '/client' });
    answers[0]?.write('data: still here\n\n');
    expect(await next()).toBe('still here');

    answers[0]?.end();
    expect(await next()).toBe(`peer=spiffe://a.test/client serial=${source.current.svid.leaf.serialNumber}`);
  });
});

describe.each(PROTOCOLS)('over %s', (_, allowH2) => {
  it('close() lets requests finish, also those that wait, and takes no more', async () => {
    const { a } = await world();
    const server = await holdingService(await sourceOf(a));
    const sockets = new ClientSockets();
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2, connections: 1 });
    const ask = async () => (await request(originOf(server), { dispatcher })).body.text();
    const answers = [ask(), ask()];
    await server.arrived(1);

    const closed = dispatcher.close();
    expect(dispatcher.closed).toBe(true);
    expect(codeOf(await expectFailure(ask()))).toBe('UND_ERR_CLOSED');
    server.answerAll();
    await server.arrived(2);
    server.answerAll();

    expect(await Promise.all(answers)).toEqual([
      expect.stringContaining('peer='),
      expect.stringContaining('peer='),
    ]);
    await closed;
    await sockets.gone();
    expect(sockets.all.length).toBe(1);
  });

  it('destroy() ends what is in flight and what waits, now', async () => {
    const { a } = await world();
    const server = await holdingService(await sourceOf(a));
    const sockets = new ClientSockets();
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2, connections: 1 });
    const failures = [1, 2].map(() => expectFailure(request(originOf(server), { dispatcher })));
    await server.arrived(1);

    const closed = dispatcher.close();
    await dispatcher.destroy(new Error('enough'));

    await closed;
    expect(dispatcher.destroyed).toBe(true);
    for (const failure of await Promise.all(failures)) expect(failure.message).toMatch(/enough|destroyed/);
    expect(codeOf(await expectFailure(request(originOf(server), { dispatcher })))).toBe('UND_ERR_DESTROYED');
    await sockets.gone();
  });

  type Held = Awaited<ReturnType<typeof holdingService>>;
  const STEPS: Record<string, (server: Held, slow: Awaited<ReturnType<typeof valve>>) => Promise<unknown>> = {
    'before it connects': () => Promise.resolve(),
    'in the handshake': (_server, slow) => slow.taken,
    'before the answer': (server, slow) => {
      slow.open();
      return server.arrived(1);
    },
  };

  it.each(Object.entries(STEPS))(
    'an abort %s ends the request, and leaves nothing open',
    async (__, step) => {
      const { a } = await world();
      const server = await holdingService(await sourceOf(a));
      const slow = await valve(server.port);
      const sockets = new ClientSockets();
      const dispatcher = dispatcherOf(await sourceOf(a), { allowH2 });
      const abort = new AbortController();
      const failure = expectFailure(request(originOf(slow), { dispatcher, signal: abort.signal }));
      await step(server, slow);

      abort.abort(new Error('never mind'));

      slow.open(); // undici tells of it once there is a connection.
      expect((await failure).message).toBe('never mind');
      await dispatcher.close();
      await sockets.gone();
      expect(sockets.all.length).toBeGreaterThan(0);
    },
  );

  it('an abort in the body ends the request, and leaves nothing open', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a), {}, (___, response) => response.write('begun'));
    const sockets = new ClientSockets();
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2 });
    const abort = new AbortController();
    const { body } = await request(originOf(service), { dispatcher, signal: abort.signal });
    await once(body, 'readable');

    abort.abort(new Error('never mind'));

    expect((await expectFailure(body.text())).message).toBe('never mind');
    await dispatcher.close();
    await sockets.gone();
  });

  it('a request that was aborted before it began is not sent', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2 });
    const signal = AbortSignal.abort(new Error('never mind'));

    expect((await expectFailure(request(originOf(service), { dispatcher, signal }))).message).toBe(
      'never mind',
    );
    await dispatcher.close();
    expect(service.handled).toEqual([]);
  });
});

describe('the options of a dispatcher', () => {
  const takers: Record<string, unknown> = {
    connect: () => {},
    tls: {},
    factory: () => {},
    ca: 'x',
    cert: 'x',
    key: 'x',
    rejectUnauthorized: false,
    checkServerIdentity: () => {},
    servername: 'x',
    session: 'x',
    maxCachedSessions: 5,
    connectTimeout: 5,
    socketPath: '/tmp/socket',
    interceptors: {},
    useH2c: true,
    requestTls: {},
    clientTtl: 1,
    uri: 'http://proxy',
    unheardOf: 1,
  };

  it.each(Object.entries(takers))('do not hold %s', async (name, value) => {
    const source = await sourceOf((await world()).a);
    expect(() => createDispatcher(source, { authorize: authorizeAny(), [name]: value })).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_OPTION',
        message: expect.stringContaining(name) as string,
      }),
    );
  });

  const wrong: [name: string, options: Readonly<Record<string, unknown>>, code: string][] = [
    ['no authorizer', { authorize: undefined }, 'ERR_CONFIG_AUTHORIZER'],
    ['an impossible number of connections', { connections: -1 }, 'ERR_CONFIG_OPTION'],
    ['an impossible timeout', { headersTimeout: -1 }, 'ERR_CONFIG_OPTION'],
    ['no number of origins', { maxOrigins: 0 }, 'ERR_CONFIG_OPTION'],
    ['allowH2 that is no boolean', { allowH2: 'yes' }, 'ERR_CONFIG_OPTION'],
    ['HTTP/2 without TLS', { h2Options: { useH2c: true } }, 'ERR_CONFIG_OPTION'],
    ['a handshake without time', { handshakeTimeoutMs: 0 }, 'ERR_CONFIG_OPTION'],
    ['an unknown option of the proxy', { proxy: { uri: 'http://proxy', token: 'x' } }, 'ERR_CONFIG_OPTION'],
    [
      'a proxy whose certificate nobody checks',
      { proxy: { uri: 'https://proxy', tls: { rejectUnauthorized: false } } },
      'ERR_CONFIG_OPTION',
    ],
    ['a proxy of no authority', { proxy: { uri: 'https://proxy', tls: { ca: '' } } }, 'ERR_CONFIG_OPTION'],
    [
      'a header that ends another',
      { proxy: { uri: 'http://proxy', authorization: 's3cret\r\nx: y' } },
      'ERR_CONFIG_OPTION',
    ],
  ];

  it.each(wrong)('are not %s', async (_, options, code) => {
    const source = await sourceOf((await world()).a);
    const make = () => createDispatcher(source, { authorize: authorizeAny(), ...options });
    expect(make).toThrow(expect.objectContaining({ code }));
    expect(make).not.toThrow(/s3cret/);
  });

  it('may be those of undici about HTTP, and reach it', async () => {
    const { a } = await world();
    const service = await httpsService(await sourceOf(a), {}, (_, response) => response.end('x'.repeat(100)));
    const dispatcher = dispatcherOf(await sourceOf(a), {
      maxResponseSize: 10,
      connections: 2,
      pipelining: 2,
    });

    const { body } = await request(originOf(service), { dispatcher });

    expect(codeOf(await expectFailure(body.text()))).toBe('UND_ERR_RES_EXCEEDED_MAX_SIZE');
    expect(dispatcher).toBeInstanceOf(Dispatcher);
  });
});

describe('a source', () => {
  it('that is closed, or has nothing to show, fails requests and no more', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const source = await sourceOf(a);
    const dispatcher = dispatcherOf(source);
    await (await request(originOf(service), { dispatcher })).body.dump();

    await source.close();

    expect(codeOf(await expectFailure(request(originOf(service), { dispatcher })))).toBe('ERR_SOURCE_CLOSED');
    expect(service.handled).toHaveLength(1);
  });
});
