import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer as createTcp, type Socket } from 'node:net';

import { authorizeId, type SpiffeError } from '@svidkit/core';
import { manualClock } from '@svidkit/testkit';
import { type ProxyOptions } from '@svidkit/undici';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, expectFailure, listen, rotate, SECRET, sourceOf, world } from '../../tls/test/fixtures.ts';
import { anyService, ClientSockets, codeOf, fetchOf, originOf, PROTOCOLS } from './fixtures.ts';

afterEach(closeAll);

/** An honest proxy, and what it saw. */
async function proxyOf(server: Server = createHttp()) {
  const requests: IncomingMessage[] = [];
  const seen: Buffer[] = [];
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    requests.push(request);
    const [, host = '', port] = /^(.*):(\d+)$/.exec(request.url ?? '') ?? [];
    const target = connect(Number(port), host);
    target.on('error', () => client.destroy());
    client.on('error', () => target.destroy());
    target.once('connect', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      seen.push(head);
      client.on('data', (chunk: Buffer) => seen.push(chunk));
      client.pipe(target).pipe(client);
    });
    target.on('close', () => client.destroy());
    client.on('close', () => target.destroy());
  });
  const port = await listen(server);
  return { port, requests, saw: () => Buffer.concat(seen).toString('latin1') };
}

/** A proxy that answers everything with these bytes; undefined: not at all. */
async function lyingProxy(answer: string | undefined, then?: (socket: Socket) => void) {
  const requests: string[] = [];
  const server = createTcp((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      requests.push(String(chunk));
      if (answer !== undefined && requests.length === 1) {
        socket.write(answer, () => then?.(socket));
      } else if (answer === undefined) {
        then?.(socket);
      }
    });
  });
  return { port: await listen(server), requests };
}

const http = (port: number): string => `http://127.0.0.1:${port}`;

async function through(proxy: ProxyOptions, options: Parameters<typeof fetchOf>[1] = {}) {
  const { a } = await world();
  const service = await anyService(await sourceOf(a, { path: '/server' }));
  const source = await sourceOf(a, { path: '/client' });
  const fetch = fetchOf(source, { authorize: authorizeId('spiffe://a.test/server'), proxy, ...options });
  return { service, source, fetch };
}

describe('through a proxy', () => {
  it.each(PROTOCOLS)(
    'the target is spoken to over %s, verified, and the proxy reads nothing',
    async (_, allowH2) => {
      const { a } = await world();
      const proxy = await proxyOf();
      const { service, source, fetch } = await through(
        { uri: http(proxy.port) },
        { allowH2, connections: 1 },
      );

      const ask = async () =>
        (await fetch(`${originOf(service)}/${SECRET}`, { method: 'POST', body: SECRET })).text();
      expect(await ask()).toContain('peer=spiffe://a.test/client ');
      expect(await ask()).toContain('peer=spiffe://a.test/client ');
      expect(proxy.requests.map(({ url }) => url)).toEqual([`127.0.0.1:${service.port}`]);
      expect(proxy.saw()).not.toContain(SECRET);
      expect(proxy.saw().length).toBeGreaterThan(1_000);

      await rotate(source, a, { path: '/client' });
      expect(await ask()).toContain(`serial=${source.current.svid.leaf.serialNumber}`);
      expect(proxy.requests).toHaveLength(2);
      await fetch.close();
    },
  );

  it('that speaks TLS itself, the target is verified inside', async () => {
    const { a } = await world();
    // A proxy is known by its host name, as usual on the web.
    const { certPem, keyPem } = await a.issue({ extraNames: [{ type: 'dns', value: 'localhost' }] });
    const proxy = await proxyOf(createHttps({ cert: certPem, key: keyPem }));
    const uri = `https://localhost:${proxy.port}`;
    const { service, fetch } = await through({ uri, tls: { ca: a.bundlePem } });

    expect(await (await fetch(originOf(service))).text()).toContain('peer=spiffe://a.test/client ');

    const strange = await through({ uri });
    expect((await expectFailure(strange.fetch(originOf(service)))).cause).toMatchObject({
      code: 'ERR_PROXY_TUNNEL',
      cause: expect.objectContaining({
        code: expect.stringMatching(/VERIFY|ISSUER|SIGNED/) as string,
      }) as unknown,
    });
  });

  it.each([
    ['authorization', (port: number) => ({ uri: http(port), authorization: 'Bearer t0ken' }), 'Bearer t0ken'],
    [
      'the credentials of its URI',
      (port: number) => ({ uri: `http://me:p%40ss@127.0.0.1:${port}` }),
      `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    ],
  ])('only it is given %s', async (_, options, value) => {
    const proxy = await proxyOf();
    let received: unknown;
    const { a } = await world();
    const service = await anyService(await sourceOf(a), {}, (request, response) => {
      received = request.headers['proxy-authorization'];
      response.end();
    });
    const fetch = fetchOf(await sourceOf(a), {
      proxy: { ...options(proxy.port), headers: { 'x-team': 'blue' } },
    });

    await (await fetch(originOf(service))).text();

    expect(proxy.requests[0]?.headers).toMatchObject({ 'proxy-authorization': value, 'x-team': 'blue' });
    expect(received).toBeUndefined();
  });

  it('nothing goes to a target that it redirects to another server', async () => {
    const { a } = await world();
    const impostor = await anyService(await sourceOf(a, { path: '/other' }));
    const proxy = createHttp();
    proxy.on('connect', (_: IncomingMessage, client: Socket) => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      const target = connect(impostor.port, '127.0.0.1');
      client
        .on('error', () => {})
        .pipe(target.on('error', () => {}))
        .pipe(client);
    });
    const { service, fetch } = await through({ uri: http(await listen(proxy)) });

    expect(codeOf(await expectFailure(fetch(originOf(service))))).toBe('ERR_PEER_UNAUTHORIZED');
    expect(impostor.handled).toEqual([]);
  });

  it.each([
    ['http', () => createHttp()],
    [
      'https',
      async () => {
        const { a } = await world();
        const { certPem, keyPem } = await a.issue({ extraNames: [{ type: 'dns', value: 'localhost' }] });
        return createHttps({ cert: certPem, key: keyPem });
      },
    ],
  ])('of %s the tunnel is closed with its connection, whoever closes it', async (scheme, make) => {
    const { a } = await world();
    const proxy = await proxyOf(await make());
    const sockets = new ClientSockets();
    const uri = `${scheme}://localhost:${proxy.port}`;
    const { service, fetch } = await through({
      uri,
      ...(scheme === 'https' ? { tls: { ca: a.bundlePem } } : {}),
    });
    const refused = fetchOf(await sourceOf(a), {
      authorize: authorizeId('spiffe://a.test/other'),
      proxy: { uri, ...(scheme === 'https' ? { tls: { ca: a.bundlePem } } : {}) },
    });
    const secured = once(service.server, 'secureConnection');
    await (await fetch(originOf(service))).text();
    expect(codeOf(await expectFailure(refused(originOf(service))))).toBe('ERR_PEER_UNAUTHORIZED');

    const [socket] = (await secured) as [Socket];
    socket.destroy();
    await refused.close();

    await sockets.gone();
    expect(sockets.all.length).toBeGreaterThanOrEqual(4);
  });
});

describe('a proxy', () => {
  const LIES: Record<string, [answer: string | undefined, then: ((socket: Socket) => void) | undefined]> = {
    'asks for authorization': [
      'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n',
      undefined,
    ],
    'may not connect there': ['HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!', undefined],
    'cannot reach the target': ['HTTP/1.1 502 Bad Gateway\r\n\r\n', undefined],
    'sends us elsewhere': ['HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n', undefined],
    'answers with an interim response': ['HTTP/1.1 101 Switching Protocols\r\n\r\n', undefined],
    'speaks no HTTP': ['SSH-2.0-OpenSSH_9.6\r\n', undefined],
    'speaks before the target was spoken to': ['HTTP/1.1 200 OK\r\n\r\nhello', undefined],
    'sends a header without end': [`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(40_000)}`, undefined],
    closes: [undefined, (socket) => socket.end()],
    resets: [undefined, (socket) => socket.resetAndDestroy()],
    'dies in the middle of its answer': ['HTTP/1.1 200 O', (socket) => socket.destroy()],
  };

  it.each(Object.entries(LIES))(
    'that %s fails the request, and leaves nothing behind',
    async (_, [answer, then]) => {
      const proxy = await lyingProxy(answer, then);
      const sockets = new ClientSockets();
      const { service, fetch } = await through({ uri: http(proxy.port), authorization: 'Basic c2VjcmV0' });

      const failure = await expectFailure(fetch(originOf(service), { method: 'POST', body: SECRET }));

      expect(failure.cause).toMatchObject({ code: 'ERR_PROXY_TUNNEL', blame: 'environment' });
      expect(JSON.stringify(failure.cause) + String(failure.cause)).not.toContain('c2VjcmV0');
      expect(proxy.requests.join('')).not.toContain(SECRET);
      expect(proxy.requests).toHaveLength(1);
      expect(service.handled).toEqual([]);
      await sockets.gone();
      expect(sockets.all).toHaveLength(1);
    },
  );

  it('that asks for authorization is told of with a hint', async () => {
    const proxy = await lyingProxy('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
    const { service, fetch } = await through({ uri: http(proxy.port) });

    const { cause } = await expectFailure(fetch(originOf(service)));

    expect((cause as SpiffeError).message).toBe(`the proxy ${http(proxy.port)} answered 407`);
    expect((cause as SpiffeError).hint).toContain('proxy.authorization');
  });

  it.each([
    [
      'says garbage in the tunnel',
      'HTTP/1.1 200 OK\r\n\r\n',
      (socket: Socket) => socket.once('data', () => socket.write('garbage')),
    ],
    [
      'dies during the handshake',
      'HTTP/1.1 200 OK\r\n\r\n',
      (socket: Socket) => socket.once('data', () => socket.destroy()),
    ],
    ['dies at the first sign of one', 'HTTP/1.1 200 OK\r\n\r\n', (socket: Socket) => socket.destroy()],
  ] as const)('that %s fails the request, and leaves nothing behind', async (_, answer, then) => {
    const proxy = await lyingProxy(answer, then);
    const sockets = new ClientSockets();
    const { service, fetch } = await through({ uri: http(proxy.port) });

    const failure = await expectFailure(fetch(originOf(service)));

    expect(codeOf(failure)).toBe('ERR_PEER_HANDSHAKE');
    await sockets.gone();
    expect(service.handled).toEqual([]);
  });

  it('that opens the tunnel after our identity has ended leaves nothing behind', async () => {
    const { a } = await world();
    const service = await anyService(await sourceOf(a));
    const source = await sourceOf(a);
    const proxy = createTcp((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => void source.close().then(() => socket.write('HTTP/1.1 200 OK\r\n\r\n')));
    });
    const sockets = new ClientSockets();
    const fetch = fetchOf(source, { proxy: { uri: http(await listen(proxy)) } });

    expect(codeOf(await expectFailure(fetch(originOf(service))))).toBe('ERR_SOURCE_CLOSED');

    await sockets.gone();
    expect(sockets.all).toHaveLength(1);
  });

  it('that nobody answers at fails the request', async () => {
    const server = createTcp();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const { service, fetch } = await through({ uri: http(port) });

    expect((await expectFailure(fetch(originOf(service)))).cause).toMatchObject({
      code: 'ERR_PROXY_TUNNEL',
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }) as unknown,
    });
  });

  it('that never answers is given up in time', async () => {
    const clock = manualClock();
    const server = createTcp((socket) => socket.on('error', () => {}));
    const asked = once(server, 'connection');
    const sockets = new ClientSockets();
    const { service, fetch } = await through(
      { uri: http(await listen(server)) },
      { clock, handshakeTimeoutMs: 3_000 },
    );
    const failure = expectFailure(fetch(originOf(service)));
    await asked;

    clock.advance(3_000);

    expect((await failure).cause).toMatchObject({
      code: 'ERR_PROXY_TUNNEL',
      message: expect.stringContaining('within 3000 ms') as string,
    });
    await sockets.gone();
  });

  it('that never answers does not keep destroy() waiting', async () => {
    const server = createTcp((socket) => socket.on('error', () => {}));
    const asked = once(server, 'connection');
    const sockets = new ClientSockets();
    const { service, fetch } = await through({ uri: http(await listen(server)) });
    const failure = expectFailure(fetch(originOf(service)));
    await asked;

    await fetch.destroy();

    expect(codeOf(await failure)).toBe('UND_ERR_DESTROYED');
    await sockets.gone();
  });

  it.each(['socks5://127.0.0.1:1080', 'proxy.example:3128', 'ftp://proxy', ''])(
    'is not taken at %j',
    async (uri) => {
      const source = await sourceOf((await world()).a);
      expect(() => fetchOf(source, { proxy: { uri } })).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }),
      );
    },
  );
});
