import { once } from 'node:events';
import {
  type ClientHttp2Stream,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer as createTls } from 'node:tls';

import { authorizeAny, authorizeId } from '@svidkit/core';
import { createTestCa, manualClock } from '@svidkit/testkit';
import {
  createHttp2Client,
  type Http2Client,
  type Http2ClientOptions,
  peerOf,
  secureServer,
} from '@svidkit/tls';
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
  serve,
  sourceOf,
  world,
} from './fixtures.ts';
import { valve } from './valve.ts';

afterEach(closeAll);

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** An HTTP/2 service that answers with whom it sees, or lets the test answer. */
function http2Service(source: Awaited<ReturnType<typeof sourceOf>>, handler?: Handler) {
  return serve((handled) =>
    secureServer(
      createSecureServer({}, (request, response) => {
        handled.push(peerOf(request).id.toString());
        if (handler === undefined) response.end(describePeer(request));
        else handler(request, response);
      }),
      source,
      { authorize: authorizeAny() },
    ),
  );
}

function clientOf(
  source: Awaited<ReturnType<typeof sourceOf>>,
  port: number,
  options: Partial<Http2ClientOptions> = {},
): Http2Client {
  const client = createHttp2Client(source, `https://127.0.0.1:${port}`, {
    authorize: authorizeAny(),
    ...options,
  });
  return closing(client, (one) => one.destroy());
}

async function textOf(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) text += String(chunk);
  return text;
}

const ask = async (client: Http2Client): Promise<string> => textOf(await client.request({ ':path': '/' }));
const serialOf = (answer: string): string | undefined => /serial=(\w+)/.exec(answer)?.[1];

describe('a client of HTTP/2', () => {
  it('sends all requests of one generation over one session, and knows who answers', async () => {
    const { a } = await world();
    const { port, server } = await http2Service(await sourceOf(a, { path: '/server' }));
    let sessions = 0;
    server.on('session', () => (sessions += 1));
    const client = clientOf(await sourceOf(a, { path: '/client' }), port);

    const answers = await Promise.all([ask(client), ask(client), ask(client)]);
    answers.push(await ask(client));

    expect(new Set(answers.map((answer) => /peer=\S+/.exec(answer)?.[0]))).toEqual(
      new Set(['peer=spiffe://a.test/client']),
    );
    expect(sessions).toBe(1);
    const stream = await client.request({ ':path': '/' });
    expect(peerOf(stream).id.toString()).toBe('spiffe://a.test/server');
    expect(peerOf(await client.session()).role).toBe('server');
    stream.close();
  });

  it('replaces the session on rotation, while streams on the old one finish', async () => {
    const { a } = await world();
    const waiting: (() => void)[] = [];
    let arrived: (() => void) | undefined;
    const { port } = await http2Service(await sourceOf(a), (request, response) => {
      waiting.push(() => response.end(describePeer(request)));
      arrived?.();
    });
    const source = await sourceOf(a, { path: '/client' });
    const client = clientOf(source, port);
    const before = source.current.svid.leaf.serialNumber;
    const inFlight = ask(client);
    await new Promise<void>((resolve) => (arrived = resolve));
    const oldSession = await client.session();

    await rotate(source, a, { path: '/client' });
    const next = ask(client);
    await new Promise<void>((resolve) => (arrived = resolve));
    for (const answer of waiting) answer();

    expect(serialOf(await inFlight)).toBe(before);
    expect(serialOf(await next)).toBe(source.current.svid.leaf.serialNumber);
    if (!oldSession.destroyed) await once(oldSession, 'close');
    expect((await client.session()) === oldSession).toBe(false);
  });

  it('loses no request while both ends rotate', async () => {
    const { a } = await world();
    const serverSource = await sourceOf(a);
    const { port } = await http2Service(serverSource);
    const source = await sourceOf(a, { path: '/client' });
    const client = clientOf(source, port);
    const running = new AbortController();
    const serials: (string | undefined)[] = [];
    const load = Array.from({ length: 8 }, async () => {
      while (!running.signal.aborted) serials.push(serialOf(await ask(client)));
    });

    for (let round = 0; round < 6; round += 1) {
      const from = serials.length;
      while (serials.length < from + 20) await new Promise((resolve) => setImmediate(resolve));
      const isClient = round % 2 === 0;
      await rotate(isClient ? source : serverSource, a, { path: isClient ? '/client' : '/server' });
    }
    running.abort();
    await Promise.all(load);

    expect(serials.length).toBeGreaterThanOrEqual(120);
    expect(new Set(serials).size).toBeGreaterThanOrEqual(3);
  });

  it.each(['a rotation', 'close'])('loses no request that was sent in the turn of %s', async (what) => {
    const { a } = await world();
    const { port } = await http2Service(await sourceOf(a));
    const source = await sourceOf(a);
    const client = clientOf(source, port);
    const next = await a.context();
    const session = await client.session();

    const answers = Array.from({ length: 3 }, () => textOf(session.request({ ':path': '/' })));
    if (what === 'close') client.close();
    else source.update(next.svid, next.bundles);

    expect((await Promise.all(answers)).join('')).toMatch(/^(?:peer=.*\n){3}$/);
    if (!session.destroyed) await once(session, 'close');
  });

  it('loses no request when its identity changes while a session is opened for it', async () => {
    const { a } = await world();
    const { port, server } = await http2Service(await sourceOf(a));
    const source = await sourceOf(a);
    const client = clientOf(source, port);
    const before = source.current.svid.leaf.serialNumber;
    const next = await a.context();
    // Admitted at both ends by then; the server has not sent its settings.
    server.once('secureConnection', () => source.update(next.svid, next.bundles));

    const answers = await Promise.all([ask(client), ask(client)]);

    expect(answers.map(serialOf)).toEqual([before, before]);
    expect(serialOf(await ask(client))).toBe(next.svid.leaf.serialNumber);
  });

  it('begins nothing on a session that a rotation has overtaken while it was opened', async () => {
    const { a } = await world();
    const { port } = await http2Service(await sourceOf(a, { path: '/server' }));
    const slow = await valve(port);
    const source = await sourceOf(a, { path: '/client' });
    // The first connection takes long, the others do not.
    const targets = [slow.port];
    const target = {
      host: '127.0.0.1',
      get port() {
        return targets.shift() ?? port;
      },
    };
    const client = clientOf(source, port, { target });
    const overtaken = client.session();
    await slow.taken;
    await rotate(source, a, { path: '/client' });
    const { serialNumber } = source.current.svid.leaf;
    expect(serialOf(await ask(client))).toBe(serialNumber);

    slow.open();
    await overtaken;

    expect(serialOf(await ask(client))).toBe(serialNumber);
  });

  it('finishes what waits for a session when it is closed meanwhile', async () => {
    const { a } = await world();
    const { port, server } = await http2Service(await sourceOf(a));
    const client = clientOf(await sourceOf(a), port);
    let session: { readonly closed: boolean } | undefined;
    server.once('session', (one) => {
      session = one;
      client.close();
    });

    expect(await ask(client)).toContain('peer=');
    expect(await expectFailure(ask(client))).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
    if (!session?.closed) await once(session as never, 'close');
  });

  it('sends nothing to a server whose authority is removed while a session is opened', async () => {
    const old = await createTestCa({ trustDomain: 'a.test' });
    const { next, both } = await old.rotate();
    const { port, server, handled } = await http2Service(await sourceOf(old, { bundles: [both] }));
    const source = await sourceOf(next, { bundles: [both] });
    const client = clientOf(source, port);
    const { bundles } = await next.context({ bundles: [next] });
    server.once('secureConnection', () => source.update(source.current.svid, bundles));

    await expectFailure(ask(client));
    expect(await expectFailure(ask(client))).toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
    expect(handled).toEqual([]);
  });

  it('opens one session for a request in the last moments of its SVID, and not another for each try', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const { port, server } = await http2Service(await sourceOf(ca, { lifetimeMs: 36_000_000 }));
    let sessions = 0;
    server.on('session', () => (sessions += 1));
    const client = clientOf(await sourceOf(ca, { lifetimeMs: 3_600_000 }), port, { clock });
    // Its connections retire as soon as they stand.
    server.on('secureConnection', () => clock.advance(1));
    clock.set(clock.now() + 3_590_000);

    expect(await ask(client)).toContain('peer=');
    expect(sessions).toBe(1);
  });

  it('takes no request for a session that it has left', async () => {
    const { a } = await world();
    const { port } = await http2Service(await sourceOf(a));
    const source = await sourceOf(a);
    const client = clientOf(source, port);
    const session = await client.session();
    const answer = textOf(session.request({ ':path': '/' }));

    await rotate(source, a);

    expect(() => session.request({ ':path': '/' })).toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_CLOSED' }) as Error,
    );
    expect(await answer).toContain('peer=');
    expect(await ask(client)).toContain('peer=');
  });
  it('loses no request that it sent in the turn in which it rotates', async () => {
    const { a } = await world();
    const { port } = await http2Service(await sourceOf(a));
    const source = await sourceOf(a, { path: '/client' });
    const client = clientOf(source, port);
    await ask(client);
    const before = source.current.svid.leaf.serialNumber;
    const { svid, bundles } = await a.context({ path: '/client' });
    const session = await client.session();

    const streams = [1, 2, 3].map(() => session.request({ ':path': '/' }));
    source.update(svid, bundles);

    expect((await Promise.all(streams.map(textOf))).map(serialOf)).toEqual([before, before, before]);
    if (!session.destroyed) await once(session, 'close');
  });

  it('loses no request that waits for a session while the server rotates', async () => {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const { port, server } = await http2Service(serverSource);
    const client = clientOf(await sourceOf(a, { path: '/client' }), port);
    const { svid, bundles } = await a.context({ path: '/server' });
    let sessions = 0;
    // The client has its connection, and waits for the settings of the server.
    server.on('session', () => {
      sessions += 1;
      serverSource.update(svid, bundles);
    });

    const answers = await Promise.all([ask(client), ask(client), ask(client)]);

    expect(answers.every((answer) => answer.includes('peer='))).toBe(true);
    expect(sessions).toBe(1);
  });

  it('opens another session after the server went away, and sends nothing twice', async () => {
    const { a } = await world();
    const { port, server, handled } = await http2Service(await sourceOf(a));
    const client = clientOf(await sourceOf(a), port);
    const sessions: { close(): void }[] = [];
    server.on('session', (session) => sessions.push(session));

    await ask(client);
    const first = await client.session();
    sessions[0]?.close();
    if (!first.destroyed) await once(first, 'close');
    await ask(client);

    expect(sessions).toHaveLength(2);
    expect(handled).toHaveLength(2);
  });

  it('is told that a server speaks no HTTP/2', async () => {
    const { a } = await world();
    const { port, handled } = await httpsService(await sourceOf(a));

    expect(await expectFailure(ask(clientOf(await sourceOf(a), port)))).toMatchObject({
      code: 'ERR_PEER_PROTOCOL',
    });
    expect(handled).toEqual([]);
  });

  it.each([
    ['of another path', async () => (await world()).a.issue({ path: '/other' }), 'ERR_PEER_UNAUTHORIZED'],
    [
      'of a foreign authority',
      async () => (await world()).rogue.issue({ path: '/server' }),
      'ERR_CHAIN_UNTRUSTED',
    ],
    [
      'of a federated authority that vouches for our trust domain',
      async () => (await createTestCa({ trustDomain: 'a.test' })).issue({ path: '/server' }),
      'ERR_CHAIN_UNTRUSTED',
    ],
  ])('sends nothing to a server %s', async (_, issue, code) => {
    const { a } = await world();
    const { certPem, keyPem } = await issue();
    const received: Buffer[] = [];
    const port = await listen(
      createTls({ cert: certPem, key: keyPem, ALPNProtocols: ['h2'] }, (socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk: Buffer) => received.push(chunk));
      }),
    );
    const client = clientOf(await sourceOf(a), port, { authorize: authorizeId('spiffe://a.test/server') });
    const events = new Events();

    expect(await expectFailure(ask(client))).toMatchObject({ code });
    await events.until(({ rejected }) => rejected.length > 0);
    expect(Buffer.concat(received).toString()).toBe('');
  });

  it('takes no new requests once it is closed, and finishes those in flight', async () => {
    const { a } = await world();
    let answer: (() => void) | undefined;
    let arrived: (() => void) | undefined;
    const { port } = await http2Service(await sourceOf(a), (request, response) => {
      answer = () => response.end(describePeer(request));
      arrived?.();
    });
    const client = clientOf(await sourceOf(a), port);
    const inFlight = ask(client);
    await new Promise<void>((resolve) => (arrived = resolve));

    client.close();

    expect(await expectFailure(client.session())).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
    answer?.();
    expect(await inFlight).toContain('peer=');
  });

  it.each(['http://a.test', 'https://a.test/path', 'a.test', ''])(
    'is not made for %j, which no origin is',
    async (origin) => {
      const source = await sourceOf((await world()).a);

      expect(() => createHttp2Client(source, origin, { authorize: authorizeAny() })).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
      );
    },
  );
});
