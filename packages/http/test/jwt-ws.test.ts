import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

import { authorizeAny, authorizeId, authorizeMemberOf, SpiffeError, staticDenyList } from '@svidkit/core';
import { JwtBundleSet, staticJwtSource, type ValidateJwtSvidOptions } from '@svidkit/core/jwt';
import { createTestJwtAuthority, manualClock } from '@svidkit/testkit';
import { createHttpsServer, peerOf } from '@svidkit/tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import {
  anyPeerOf,
  authorizeJwtUpgrade,
  type AuthorizeJwtUpgradeOptions,
  authorizeUpgrade,
  jwtPeerOf,
} from '../src/ws.ts';
import { clientOf, closeAll, closing, listen, refusals, sourceOf } from './fixtures.ts';

afterEach(closeAll);

const clock = manualClock(Date.now() + 60_000);
const now = (): number => clock.now();
const authority = createTestJwtAuthority({ trustDomain: 'a.test', now });
const stranger = createTestJwtAuthority({ trustDomain: 'b.test', now });
const source = staticJwtSource({ bundles: JwtBundleSet.of(authority.bundle()), clock });
const AUDIENCE = 'spiffe://a.test/server';
const OPTIONS = { audience: AUDIENCE, authorize: authorizeId('spiffe://a.test/admin'), clock };

function tokenOf(subject: string, options: Partial<Parameters<typeof authority.issue>[0]> = {}): string {
  return authority.issue({ subject, audience: AUDIENCE, ...options });
}

/** A WebSocketServer that greets whom it sees. */
function greeter(seen: string[] = []): WebSocketServer {
  const sockets = closing(new WebSocketServer({ noServer: true }), (one) => {
    for (const client of one.clients) client.terminate();
    one.close();
  });
  sockets.on('connection', (socket, request) => {
    const id = jwtPeerOf(request).id.toString();
    seen.push(id);
    socket.on('message', (message) => socket.send(`${id} said ${(message as Buffer).toString()}`));
    socket.send(`hello ${id}`);
  });
  return sockets;
}

async function serve(
  options: AuthorizeJwtUpgradeOptions = OPTIONS,
  seen: string[] = [],
  validator: Pick<typeof source, 'validateJwtSvid'> = source,
): Promise<number> {
  const server = createServer();
  server.on('upgrade', authorizeJwtUpgrade(greeter(seen), validator, options));
  return listen(server);
}

function open(port: number, token: string): WebSocket {
  const headers = { authorization: `Bearer ${token}` };
  return closing(new WebSocket(`ws://127.0.0.1:${port}/chat?token=s3cret`, { headers }), (one) => {
    one.on('error', () => {});
    one.terminate();
  });
}

async function dial(port: number, token: string): Promise<WebSocket> {
  const socket = open(port, token);
  expect(await next(socket)).toBe('hello spiffe://a.test/admin');
  return socket;
}

async function next(socket: WebSocket): Promise<string> {
  const [message] = (await once(socket, 'message')) as [Buffer];
  return message.toString();
}

/** The answer to a request for a WebSocket that was refused: status, code, challenge. */
async function refusal(
  port: number,
  token: string | undefined,
): Promise<[number | undefined, string, string | undefined]> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?token=s3cret`, { headers });
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  expect(response.headers['content-type']).toBe('application/problem+json');
  const { code } = JSON.parse(await text(response)) as { code: string };
  return [response.statusCode, code, response.headers['www-authenticate']];
}

describe('authorizeJwtUpgrade', () => {
  it('makes a WebSocket for an authorised subject, whose listeners know who it is', async () => {
    const port = await serve();
    const events = refusals();
    const socket = await dial(port, tokenOf('/admin'));
    socket.send('hi');
    expect(await next(socket)).toBe('spiffe://a.test/admin said hi');
    expect(events).toEqual([]);
  });

  it('answers others with a problem document and a challenge, makes no WebSocket, and says once why', async () => {
    const seen: string[] = [];
    const port = await serve(OPTIONS, seen);
    const events = refusals();
    const token = tokenOf('/admin');
    const invalid = 'Bearer error="invalid_token"';
    const refused: readonly (readonly [string, number, string | undefined, string | undefined])[] = [
      ['ERR_JWT_MISSING', 401, 'Bearer', undefined],
      ['ERR_JWT_MALFORMED', 401, invalid, 'nonsense'],
      ['ERR_JWT_SIGNATURE', 401, invalid, `${token.slice(0, -8)}AAAAAAAA`],
      ['ERR_JWT_AUDIENCE', 401, invalid, tokenOf('/admin', { audience: 'spiffe://a.test/other' })],
      ['ERR_JWT_EXPIRED', 401, invalid, tokenOf('/admin', { ttlMs: -60_000 })],
      ['ERR_BUNDLE_UNKNOWN', 401, invalid, stranger.issue({ subject: '/admin', audience: AUDIENCE })],
      ['ERR_PEER_UNAUTHORIZED', 403, undefined, tokenOf('/guest')],
    ];
    for (const [code, status, challenge, given] of refused) {
      expect(await refusal(port, given)).toEqual([status, code, challenge]);
    }
    expect(seen).toEqual([]);
    expect(events.map(({ error, path }) => [error.code, path])).toEqual(
      refused.map(([code]) => [code, '/chat']),
    );
    expect(JSON.stringify(events)).not.toContain(token.split('.')[2]);
  });

  it('asks the deny list for each of them', async () => {
    const port = await serve({ ...OPTIONS, deny: staticDenyList({ ids: ['spiffe://a.test/admin'] }) });
    expect(await refusal(port, tokenOf('/admin'))).toEqual([403, 'ERR_PEER_DENIED', undefined]);
  });

  it('takes no token from the URL, from a cookie or from the list of protocols', async () => {
    const port = await serve();
    const token = tokenOf('/admin');
    const connections = [
      new WebSocket(`ws://127.0.0.1:${port}/?access_token=${token}&authorization=Bearer%20${token}`),
      new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { cookie: `authorization=Bearer ${token}` } }),
      new WebSocket(`ws://127.0.0.1:${port}/`, ['bearer', token]),
    ];
    for (const socket of connections) {
      socket.on('error', () => {});
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
      expect(JSON.parse(await text(response))).toMatchObject({ status: 401, code: 'ERR_JWT_MISSING' });
    }
    await dial(port, token);
  });

  it('answers 500 and makes no WebSocket when the source itself fails', async () => {
    const seen: string[] = [];
    const closed = staticJwtSource({ bundles: JwtBundleSet.of(authority.bundle()), clock });
    const port = await serve(OPTIONS, seen, closed);
    await dial(port, tokenOf('/admin'));
    await closed.close();
    expect(await refusal(port, tokenOf('/admin'))).toEqual([500, 'ERR_SOURCE_CLOSED', undefined]);
    expect(seen).toHaveLength(1);
  });

  it('a connection that breaks while its token is judged becomes no WebSocket, and harms nobody', async () => {
    const seen: string[] = [];
    const judging = Promise.withResolvers<void>();
    const judged = Promise.withResolvers<void>();
    const slow = {
      async validateJwtSvid(token: string, options: ValidateJwtSvidOptions) {
        judging.resolve();
        await judged.promise;
        return source.validateJwtSvid(token, options);
      },
    };
    const server = createServer();
    const sockets = greeter(seen);
    const upgrades = vi.spyOn(sockets, 'handleUpgrade');
    const connected = once(server, 'connection') as Promise<[Socket]>;
    server.on('upgrade', authorizeJwtUpgrade(sockets, slow, OPTIONS));
    const port = await listen(server);
    const lost = open(port, tokenOf('/admin'));
    lost.on('error', () => {});
    const [connection] = await connected;
    await judging.promise;
    const gone = new Promise((resolve) => connection.once('close', resolve));
    // An error that nobody listens to ends the process.
    connection.destroy(new Error('reset'));
    await gone;
    judged.resolve();
    await dial(port, tokenOf('/admin'));
    expect(seen).toEqual(['spiffe://a.test/admin']);
    expect(upgrades).toHaveBeenCalledTimes(1);
  });

  it('a WebSocket ends when its token expires and the leeway is over, and others stay', async () => {
    const port = await serve();
    const [short, lasting] = [
      await dial(port, tokenOf('/admin', { ttlMs: 60_000 })),
      await dial(port, tokenOf('/admin', { ttlMs: 600_000 })),
    ];
    clock.advance(60_000 + 29_000);
    short.send('still');
    expect(await next(short)).toBe('spiffe://a.test/admin said still');
    const ended = once(short, 'close');
    clock.advance(2_000);
    await ended;
    lasting.send('hi');
    expect(await next(lasting)).toBe('spiffe://a.test/admin said hi');
  });

  it('outliveToken: the token proves who opens a WebSocket, and no more', async () => {
    const mine = manualClock(clock.now());
    const port = await serve({ ...OPTIONS, clock: mine, outliveToken: true });
    const socket = await dial(port, tokenOf('/admin', { ttlMs: 60_000 }));
    expect(mine.pending).toBe(0);
    mine.advance(600_000);
    socket.send('hi');
    expect(await next(socket)).toBe('spiffe://a.test/admin said hi');
  });

  it('leaves no timer behind when a WebSocket ends before its token', async () => {
    const mine = manualClock(clock.now());
    const server = createServer();
    server.on('upgrade', authorizeJwtUpgrade(greeter(), source, { ...OPTIONS, clock: mine }));
    const closed = new Promise((resolve) => {
      server.on('connection', (one) => one.once('close', resolve));
    });
    const port = await listen(server);
    const socket = await dial(port, tokenOf('/admin'));
    expect(mine.pending).toBe(1);
    socket.close();
    await closed;
    expect(mine.pending).toBe(0);
  });

  it('behind a gate: the connection has its peer and the WebSocket its subject, and neither stands in for the other', async () => {
    const server = createHttpsServer(await sourceOf('/server'), {
      authorize: authorizeId('spiffe://a.test/gateway'),
    });
    const sockets = greeter();
    const who = once(sockets, 'connection') as Promise<[WebSocket, IncomingMessage]>;
    server.on('upgrade', authorizeJwtUpgrade(sockets, source, OPTIONS));
    const port = await listen(server);
    const headers = { authorization: `Bearer ${tokenOf('/admin')}` };
    const agent = await clientOf('/gateway');
    const socket = closing(new WebSocket(`wss://127.0.0.1:${port}`, { agent, headers }), (one) => {
      one.on('error', () => {});
      one.terminate();
    });
    expect(await next(socket)).toBe('hello spiffe://a.test/admin');
    const [, request] = await who;
    expect([peerOf(request).id.path, jwtPeerOf(request).id.path, anyPeerOf(request).kind]).toEqual([
      '/gateway',
      '/admin',
      'jwt',
    ]);
  });

  it('who came by a certificate has no token', async () => {
    const server = createHttpsServer(await sourceOf('/server'), { authorize: authorizeAny() });
    const sockets = closing(new WebSocketServer({ noServer: true }), (one) => one.close());
    const who = once(sockets, 'connection') as Promise<[WebSocket, IncomingMessage]>;
    server.on('upgrade', authorizeUpgrade(sockets, authorizeMemberOf('a.test')));
    const port = await listen(server);
    const headers = { authorization: `Bearer ${tokenOf('/admin')}` };
    const agent = await clientOf('/web');
    const client = closing(new WebSocket(`wss://127.0.0.1:${port}`, { agent, headers }), (one) =>
      one.close(),
    );
    const opened = once(client, 'open');
    const [, request] = await who;
    await opened;
    expect(codeOf(() => jwtPeerOf(request))).toBe('ERR_PEER_UNVERIFIED');
    expect(anyPeerOf(request).kind).toBe('spiffe');
  });

  it.each([
    ['no audience', { authorize: authorizeAny() }, 'ERR_CONFIG_OPTION'],
    ['an empty audience', { ...OPTIONS, audience: [] }, 'ERR_CONFIG_OPTION'],
    ['no authorizer', { audience: AUDIENCE }, 'ERR_CONFIG_AUTHORIZER'],
  ])('refuses to be made with %s', (_name, options, code) => {
    const make = () =>
      authorizeJwtUpgrade(greeter(), source, options as unknown as AuthorizeJwtUpgradeOptions);
    expect(codeOf(make)).toBe(code);
  });
});

function codeOf(act: () => unknown): SpiffeError['code'] | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof SpiffeError ? error.code : undefined;
  }
}
