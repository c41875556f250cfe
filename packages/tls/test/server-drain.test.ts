import { once } from 'node:events';
import {
  type ClientRequest,
  createServer,
  get,
  type IncomingMessage,
  type RequestListener,
  Agent,
} from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { buffer, text } from 'node:stream/consumers';

import { afterEach, describe, expect, test } from 'vitest';

import { ServerDrain } from '../src/server-drain.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function listen<S extends Server>(server: S): Promise<{ server: S; drain: ServerDrain; port: number }> {
  const drain = new ServerDrain(server);
  cleanups.push(() => drain.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, drain, port: (server.address() as AddressInfo).port };
}

function keepAliveAgent(): Agent {
  const agent = new Agent({ keepAlive: true });
  cleanups.push(() => agent.destroy());
  return agent;
}

async function answer(request: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

/** A server that answers when told to. */
function held(head?: (response: Parameters<RequestListener>[1]) => void): {
  listener: RequestListener;
  arrived: Promise<void>;
  release: () => void;
} {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    listener: (_request, response) => {
      head?.(response);
      void released.promise.then(() => response.end('done'));
      arrived.resolve();
    },
    arrived: arrived.promise,
    release: released.resolve,
  };
}

describe('ServerDrain', () => {
  test('a request in flight finishes, its connection closes after it, and nobody new gets in', async () => {
    const { listener, arrived, release } = held();
    const { server, drain, port } = await listen(createServer());
    server.on('request', listener);
    const request = get({ port, host: '127.0.0.1', agent: keepAliveAgent() });
    await arrived;

    const drained = drain.begin();
    const late = connect(port, '127.0.0.1');
    await expect(once(late, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    release();
    const response = await answer(request);
    expect(response.headers.connection).toBe('close');
    expect(await text(response)).toBe('done');
    await drained;
  });

  test('a connection that promised to stay open before the shutdown closes after its response, too', async () => {
    const { listener, arrived, release } = held((response) => response.writeHead(200).flushHeaders());
    const { drain, port } = await listen(createServer({ keepAliveTimeout: 3_600_000 }, listener));
    const request = get({ port, host: '127.0.0.1', agent: keepAliveAgent() });
    await arrived;
    const response = await answer(request);
    expect(response.headers.connection).toBe('keep-alive');

    const drained = drain.begin();
    release();
    expect(await text(response)).toBe('done');
    await drained;
  });

  test('an idle connection is closed at once', async () => {
    const { drain, port } = await listen(createServer((_request, response) => response.end('done')));
    const agent = keepAliveAgent();
    const response = await answer(get({ port, host: '127.0.0.1', agent }));
    expect(await text(response)).toBe('done');

    await drain.begin();
    expect(drain.destroy()).toBe(0);
  });

  test('a response that is still on its way to a slow client is not cut off', async () => {
    const size = 32 * 1024 * 1024;
    const ended = Promise.withResolvers<void>();
    const { drain, port } = await listen(
      createServer((_request, response) => {
        response.end(Buffer.alloc(size, 'x'));
        ended.resolve();
      }),
    );
    const request = get({ port, host: '127.0.0.1', agent: keepAliveAgent() });
    const response = await answer(request);
    await ended.promise;

    // Nothing of the body has been read yet, and it is larger than all buffers between the two.
    const drained = drain.begin();
    expect((await buffer(response)).length).toBe(size);
    await drained;
  });

  test('what does not end by itself is destroyed when told, and counted', async () => {
    const { listener, arrived } = held();
    const { drain, port } = await listen(createServer(listener));
    const request = get({ port, host: '127.0.0.1', agent: keepAliveAgent() });
    const failed = once(request, 'error');
    await arrived;

    const drained = drain.begin();
    expect(drain.destroy()).toBe(1);
    await drained;
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('an upgraded connection is left alone until it is destroyed', async () => {
    const server = createServer();
    const upgraded = Promise.withResolvers<Socket>();
    server.on('upgrade', (_request, socket: Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      upgraded.resolve(socket);
    });
    const { drain, port } = await listen(server);
    const headers = { connection: 'Upgrade', upgrade: 'echo' };
    const request = get({ port, host: '127.0.0.1', headers, agent: false });
    const [, client] = (await once(request, 'upgrade')) as [IncomingMessage, Socket];
    const socket = await upgraded.promise;

    const drained = drain.begin();
    socket.write('still here');
    expect(String((await once(client, 'data'))[0])).toBe('still here');
    expect(drain.destroy()).toBe(1);
    await drained;
  });

  test('an HTTP/2 session finishes its streams and takes no new ones', async () => {
    const server = createHttp2Server();
    const released = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    server.on('stream', (stream) => {
      arrived.resolve();
      void released.promise.then(() => (stream.respond() as unknown) ?? stream.end('done'));
    });
    const { drain, port } = await listen(server);
    expect(server.listenerCount('request')).toBe(0);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const stream = session.request({ ':path': '/' });
    await arrived.promise;

    const drained = drain.begin();
    await once(session, 'goaway');
    released.resolve();
    expect(await text(stream)).toBe('done');
    await drained;
  });

  test('beginning twice is beginning once, also for a server that does not listen', async () => {
    const drain = new ServerDrain(createServer());
    expect(drain.begin()).toBe(drain.begin());
    await drain.begin();
  });

  test('a plain TCP server ends with its connections', async () => {
    const { drain, port } = await listen(
      createTcpServer((socket) => socket.on('end', () => socket.end()).resume()),
    );
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const drained = drain.begin();
    socket.end();
    await drained;
    expect(drain.destroy()).toBe(0);
  });
});
