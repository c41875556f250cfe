import { createSecureServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer, type TLSSocket } from 'node:tls';

import { authorizeId, type SpiffeError } from '@svidkit/core';
import { interceptors, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

import { load } from '../../../tests/load.ts';
import { closeAll, Events, expectFailure, listen, sourceOf, world } from '../../tls/test/fixtures.ts';
import { anyService, codeOf, dispatcherOf, fetchOf, originOf, PROTOCOLS } from './fixtures.ts';

afterEach(closeAll);

const AWAY = 'ERR_PEER_CLOSED_AFTER_HANDSHAKE';

/** How servers turn a client away after the handshake. */
const REFUSALS: Record<string, (socket: TLSSocket) => void> = {
  'ends the connection': (socket) => socket.end(),
  'destroys the connection': (socket) => socket.destroy(),
  'resets the connection': (socket) => {
    (socket as TLSSocket & { _parent: { resetAndDestroy(): void } })._parent.resetAndDestroy();
  },
  'reads a request, and ends the connection': (socket) => {
    socket.once('data', () => socket.end());
  },
};

/** A server that shows a good certificate and then turns everyone away. */
async function refusing(refuse: (socket: TLSSocket) => void, protocol: string) {
  const { a } = await world();
  const { certPem, keyPem } = await a.issue({ path: '/server' });
  let connections = 0;
  const server = createServer({ cert: certPem, key: keyPem, ALPNProtocols: [protocol] }, (socket) => {
    connections += 1;
    socket.on('error', () => {});
    refuse(socket);
  });
  return { port: await listen(server), connections: () => connections };
}

describe.each(PROTOCOLS)('over %s', (_, allowH2) => {
  it.each(Object.entries(REFUSALS))(
    'says so when the server %s after a good handshake',
    async (__, refuse) => {
      const { a } = await world();
      const server = await refusing(refuse, allowH2 ? 'h2' : 'http/1.1');
      const events = new Events();
      const fetch = fetchOf(await sourceOf(a, { path: '/client' }), { allowH2 });

      const failure = await expectFailure(fetch(originOf(server), { method: 'POST', body: 'once' }));

      expect(failure).toBeInstanceOf(TypeError);
      expect(failure.cause).toMatchObject({ code: AWAY, blame: 'peer', peer: 'spiffe://a.test/server' });
      expect((failure.cause as SpiffeError).message).toContain(
        'we are spiffe://a.test/client (generation 1)',
      );
      expect(events.codes('client')).toEqual([AWAY]);
      expect(server.connections()).toBe(1);
    },
  );

  it('says so to every request that waits', async () => {
    const { a } = await world();
    const server = await refusing((socket) => socket.end(), allowH2 ? 'h2' : 'http/1.1');
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2, connections: 1 });

    const failures = await Promise.all(
      Array.from({ length: 6 }, () =>
        expectFailure(request(originOf(server), { dispatcher, method: 'POST', body: 'once' })),
      ),
    );

    expect(failures.map(codeOf)).toEqual(Array.from({ length: 6 }, () => AWAY));
  });

  it('says so when one of our own servers does not authorize it, which handled nothing', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a), { authorize: authorizeId('spiffe://a.test/other') });
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2 });

    expect(await expectFailure(request(originOf(service), { dispatcher }))).toMatchObject({ code: AWAY });
    expect(service.handled).toEqual([]);
  });
});

/** A service that counts what comes in by name, and breaks off while it has the first few. */
async function breaking(
  after: number,
  breakOff: (stream: ServerHttp2Stream, session: Http2Session, socket: TLSSocket) => unknown,
) {
  const { a } = await world();
  const { certPem, keyPem } = await a.issue({ path: '/server' });
  const counts = new Map<string, number>();
  let broken = false;
  let held = 0;
  const server = createSecureServer({ cert: certPem, key: keyPem });
  let socket: TLSSocket;
  server.on('secureConnection', (one: TLSSocket) => (socket = one));
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const name = String(headers['x-name']);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    held += 1;
    if (!broken && held < after) return;
    if (broken) {
      stream.respond();
      stream.end('done');
      return;
    }
    broken = true;
    breakOff(stream, stream.session as Http2Session, socket);
  });
  return { port: await listen(server), counts };
}

describe('a request that is not idempotent', () => {
  it.each([
    // Not in the same turn: Node.js 22.23 would abort the server.
    [
      'destroys the session',
      (_: ServerHttp2Stream, session: Http2Session) => setImmediate(() => session.destroy()),
    ],
    [
      'closes the connection',
      (_: ServerHttp2Stream, __: Http2Session, socket: TLSSocket) => socket.destroy(),
    ],
    ['leaves in error', (_: ServerHttp2Stream, session: Http2Session) => session.goaway(2)],
  ])('is never repeated over HTTP/2 when the server %s under it', async (_, breakOff) => {
    const { a } = await world();
    const server = await breaking(5, breakOff);
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2: true });

    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (__, index) =>
        request(originOf(server), {
          dispatcher,
          method: 'POST',
          headers: { 'x-name': `n${index}` },
          body: 'once',
        }),
      ),
    );

    expect(outcomes.map(({ status }) => status)).toContain('rejected');
    expect([...server.counts].filter(([, count]) => count > 1)).toEqual([]);
  });

  it('is sent again over HTTP/2 where the server refused its stream, and handled once', async () => {
    const { a } = await world();
    const { certPem, keyPem } = await a.issue({ path: '/server' });
    const server = createSecureServer({ cert: certPem, key: keyPem });
    let refused = 0;
    let handled = 0;
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      if (refused === 0) {
        refused += 1;
        stream.close(7); // REFUSED_STREAM
        return;
      }
      handled += 1;
      stream.respond();
      stream.end('done');
    });
    const port = await listen(server);
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2: true });

    const { body } = await request(originOf({ port }), { dispatcher, method: 'POST', body: 'once' });

    expect(await body.text()).toBe('done');
    expect([refused, handled]).toEqual([1, 1]);
  });

  it('is neither lost nor handled twice while a server says goodbye again and again', async () => {
    const { a } = await world();
    const { certPem, keyPem } = await a.issue({ path: '/server' });
    const counts = new Map<string, number>();
    const sessions = new Set<Http2Session>();
    const server = createSecureServer({ cert: certPem, key: keyPem });
    server.on('session', (session) => {
      sessions.add(session);
      session.on('error', () => {}).once('close', () => sessions.delete(session));
    });
    server.on('stream', (stream, headers) => {
      const name = String(headers['x-name']);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      stream.on('error', () => {}).respond();
      stream.end('done');
    });
    const port = await listen(server);
    const dispatcher = dispatcherOf(await sourceOf(a), { allowH2: true });
    let names = 0;
    const running = load(16, async () => {
      names += 1;
      const headers = { 'x-name': `n${names}` };
      const { body } = await request(originOf({ port }), {
        dispatcher,
        method: 'POST',
        headers,
        body: 'once',
      });
      await body.dump();
    });

    for (let round = 0; round < 12; round += 1) {
      await running.more(50);
      for (const session of sessions) session.close();
    }

    const { answers, failures } = await running.stop();
    expect(failures).toEqual([]);
    expect(answers).toBeGreaterThanOrEqual(600);
    expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
    expect(counts.size).toBe(answers);
  });

  it.each([1, 10])('is never repeated over HTTP/1.1, with pipelining of %i', async (pipelining) => {
    const { a } = await world();
    const { certPem, keyPem } = await a.issue({ path: '/server' });
    const received: string[] = [];
    const server = createServer({ cert: certPem, key: keyPem }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        received.push(...(String(chunk).match(/^(?:GET|POST) \/\d+/gm) ?? []));
        if (String(chunk).includes('POST /3')) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
    });
    const port = await listen(server);
    const dispatcher = dispatcherOf(await sourceOf(a), { connections: 1, pipelining });

    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, (_, index) =>
        request(`${originOf({ port })}/${index}`, { dispatcher, method: 'POST', body: 'once' }).then(
          ({ body }) => body.dump(),
        ),
      ),
    );

    expect(outcomes.map(({ status }) => status)).toEqual(
      Array.from({ length: 6 }, (_, index) => (index === 3 ? 'rejected' : 'fulfilled')),
    );
    expect(received.toSorted()).toEqual(Array.from({ length: 6 }, (_, index) => `POST /${index}`));
  });

  it('is not repeated by the retry interceptor either, which repeats what is idempotent', async () => {
    const { a } = await world();
    const server = await refusing((socket) => socket.end(), 'http/1.1');
    const dispatcher = dispatcherOf(await sourceOf(a)).compose(
      interceptors.retry({ maxRetries: 2, minTimeout: 1, errorCodes: [AWAY] }),
    );

    await expectFailure(request(originOf(server), { dispatcher, method: 'POST', body: 'once' }));
    expect(server.connections()).toBe(1);
    await expectFailure(request(originOf(server), { dispatcher }));
    expect(server.connections()).toBe(4);
  });
});
