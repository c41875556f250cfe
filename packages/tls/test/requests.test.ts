import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import {
  connect as connectHttp2,
  createSecureServer,
  type ClientHttp2Session,
  type Http2Session,
} from 'node:http2';
import { connect, type Server, type TLSSocket } from 'node:tls';

import { authorizeAny } from '@svidkit/core';
import {
  createTestCa,
  type ManualClock,
  manualClock,
  type TestCa,
  type TestX509Source,
} from '@svidkit/testkit';
import { peerOf, secureServer } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  application,
  closeAll,
  closing,
  describePeer,
  httpsService,
  type Identity,
  knock,
  RawClient,
  rotate,
  serve,
  sourceOf,
} from './fixtures.ts';

afterEach(closeAll);

const HOUR = 3_600_000;

async function timed(): Promise<{ clock: ManualClock; ca: TestCa; source: TestX509Source }> {
  const clock = manualClock();
  const ca = await createTestCa({ trustDomain: 'a.test', clock });
  return { clock, ca, source: await sourceOf(ca, { lifetimeMs: 10 * HOUR }) };
}

/** Sends bytes and reads until the connection ends or `until` has come. */
async function say(client: RawClient, text: string, until: string): Promise<string> {
  const from = client.received.length;
  if (client.socket.destroyed) return '';
  client.socket.write(text);
  while (!client.received.subarray(from).includes(until) && !client.socket.destroyed) {
    await Promise.race([once(client.socket, 'data'), client.closed]);
  }
  return client.received.subarray(from).toString();
}

/** What begins a request in HTTP/1, and what the application below answers. */
const BEGINNINGS: Record<string, readonly [request: string, answer: string]> = {
  request: ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'peer=spiffe://a.test/peer'],
  checkContinue: [
    'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n',
    'peer=spiffe://a.test/peer',
  ],
  checkExpectation: [
    'POST / HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nContent-Length: 0\r\n\r\n',
    'peer=spiffe://a.test/peer',
  ],
  upgrade: [
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    'upgraded by spiffe://a.test/peer',
  ],
  connect: ['CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n', 'connected for spiffe://a.test/peer'],
};

async function everyEvent(source: TestX509Source, clock: ManualClock) {
  const service = await httpsService(source, { clock });
  const { server, handled } = service;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    handled.push('checkContinue');
    response.end(describePeer(request));
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    handled.push('checkExpectation');
    response.end(describePeer(request));
  });
  server.on('upgrade', (request: IncomingMessage, socket: TLSSocket) => {
    handled.push('upgrade');
    expect(peerOf(socket)).toBe(peerOf(request));
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nupgraded by ${peerOf(socket).id.toString()}`,
    );
  });
  server.on('connect', (request: IncomingMessage, socket: TLSSocket) => {
    handled.push('connect');
    socket.write(`HTTP/1.1 200 OK\r\n\r\nconnected for ${peerOf(request).id.toString()}`);
  });
  return service;
}

describe('every way to begin an HTTP/1 request', () => {
  it.each(Object.entries(BEGINNINGS))(
    '%s: the peer is known, and refused once its SVID has expired',
    async (_, [text, answer]) => {
      const { clock, ca, source } = await timed();
      const { port, handled } = await everyEvent(source, clock);
      const identity = await ca.issue({ path: '/peer', lifetimeMs: HOUR });

      const first = new RawClient(port, identity);
      expect(await say(first, text, answer)).toContain(answer);
      const second = new RawClient(port, identity);
      expect(await second.ask()).toContain('peer=');
      const before = handled.length;

      clock.set(clock.now() + HOUR + 1000);

      expect(await say(second, text, answer)).toBe('');
      await second.closed;
      expect(handled).toHaveLength(before);
    },
  );

  it('an upgraded connection is cut off when the authority of its peer was removed, and kept when not', async () => {
    const { clock, ca } = await timed();
    const { next, both } = await ca.rotate();
    const source = await sourceOf(next, { bundles: [both], lifetimeMs: 10 * HOUR });
    const { port } = await everyEvent(source, clock);
    const [text, answer] = BEGINNINGS['upgrade'] ?? ['', ''];
    const condemned = new RawClient(port, await ca.issue({ path: '/peer', lifetimeMs: 10 * HOUR }));
    const kept = new RawClient(port, await next.issue({ path: '/peer', lifetimeMs: 10 * HOUR }));
    expect(await say(condemned, text, answer)).toContain(answer);
    expect(await say(kept, text, answer)).toContain(answer);

    await rotate(source, next, { bundles: [next], lifetimeMs: 10 * HOUR });
    clock.advance(6_000);

    await condemned.closed;
    expect(kept.socket.destroyed).toBe(false);
  });
});

/** One request over a live session. Gives the status, or how it failed. */
async function ask(session: ClientHttp2Session): Promise<number | string> {
  return new Promise((resolve) => {
    if (session.destroyed || session.closed) return resolve('session over');
    session.once('close', () => resolve('session over'));
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => resolve('stream failed'));
    stream.on('close', () => resolve('stream closed'));
    stream.on('response', (headers) => resolve(Number(headers[':status'])));
    stream.resume();
  });
}

function http2Client(port: number, { certPem: cert, keyPem: key }: Identity): ClientHttp2Session {
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    createConnection: () =>
      connect({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false, ALPNProtocols: ['h2'] }),
  });
  session.on('error', () => {});
  return closing(session, (one) => one.destroy());
}

describe('HTTP/2', () => {
  const kinds: Record<string, (handled: string[]) => Server> = {
    'the compatibility API': (handled) => createSecureServer({}, application(handled) as never),
    'the stream API': (handled) => {
      const server = createSecureServer();
      server.on('stream', (stream) => {
        const peers = [peerOf(stream), ...(stream.session === undefined ? [] : [peerOf(stream.session)])];
        handled.push(...new Set(peers.map(({ id }) => id.toString())));
        stream.respond({ ':status': 200 });
        stream.end();
      });
      return server;
    },
  };

  it.each(Object.entries(kinds))('%s: peerOf knows the peer of each request', async (_, create) => {
    const { clock, ca, source } = await timed();
    const { port, handled } = await serve((list) =>
      secureServer(create(list), source, { authorize: authorizeAny(), clock }),
    );
    const [one, two] = [
      http2Client(port, await ca.issue({ path: '/one' })),
      http2Client(port, await ca.issue({ path: '/two' })),
    ];
    for (const session of [one, two, one]) expect(await ask(session)).toBe(200);
    expect(handled).toEqual(['spiffe://a.test/one', 'spiffe://a.test/two', 'spiffe://a.test/one']);
  });

  it.each(Object.entries(kinds))(
    '%s: a request after the SVID of the peer has expired is refused',
    async (_, create) => {
      const { clock, ca, source } = await timed();
      const { port, handled } = await serve((list) =>
        secureServer(create(list), source, { authorize: authorizeAny(), clock }),
      );
      const short = http2Client(port, await ca.issue({ path: '/short', lifetimeMs: HOUR }));
      const lasting = http2Client(port, await ca.issue({ path: '/lasting', lifetimeMs: 10 * HOUR }));
      expect([await ask(short), await ask(lasting)]).toEqual([200, 200]);

      clock.set(clock.now() + HOUR + 1000); // No timer fires: it is the request that is refused.

      expect(await ask(short)).not.toBe(200);
      expect(await ask(lasting)).toBe(200);
      expect(handled).toEqual([
        'spiffe://a.test/short',
        'spiffe://a.test/lasting',
        'spiffe://a.test/lasting',
      ]);
    },
  );

  it.each(Object.entries(kinds))(
    '%s: after a rotation the session ends in a quiet moment, without losing a request',
    async (_, create) => {
      const { clock, ca, source } = await timed();
      const { port, handled, server } = await serve((list) =>
        secureServer(create(list), source, { authorize: authorizeAny(), clock }),
      );
      const identity = await ca.issue({ path: '/peer', lifetimeMs: 10 * HOUR });
      const session = http2Client(port, identity);
      const [serverSession] = (await Promise.all([once(server, 'session'), ask(session)]))[0] as [
        Http2Session,
      ];
      const goaway = once(session, 'close');
      const begin = clock.now();

      await rotate(source, ca, { lifetimeMs: 10 * HOUR });
      clock.advance(9_999);
      expect(await ask(session)).toBe(200);
      clock.advance(9_999);
      expect(serverSession.closed).toBe(false);
      clock.advance(1);
      await goaway;

      expect(await ask(http2Client(port, identity))).toBe(200);
      expect(handled).toHaveLength(3);
      expect(clock.now()).toBeLessThan(begin + HOUR);
      expect((await knock(port, undefined, { ALPNProtocols: ['h2'] })).received.length).toBe(0);
    },
  );
});
