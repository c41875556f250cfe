import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { createServer as createTls } from 'node:tls';

import { authorizeAny, authorizeId, authorizeWith } from '@svidkit/core';
import { createTestCa, manualClock } from '@svidkit/testkit';
import { createHttpsAgent, createHttpsServer, peerOf } from '@svidkit/tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { authorizeUpgrade } from '../src/ws.ts';
import { agentOf, clientOf, closeAll, closing, listen, refusals, rotate, sourceOf } from './fixtures.ts';

afterEach(closeAll);

/** A WebSocketServer that greets whom it sees. */
function greeter(seen: string[] = []): WebSocketServer {
  const sockets = closing(new WebSocketServer({ noServer: true }), (one) => {
    for (const client of one.clients) client.terminate();
    one.close();
  });
  sockets.on('connection', (socket, request) => {
    const id = peerOf(request).id.toString();
    seen.push(id);
    socket.on('message', (message) => socket.send(`${id} said ${(message as Buffer).toString()}`));
    socket.send(`hello ${id}`);
  });
  return sockets;
}

async function dial(port: number, agent: Awaited<ReturnType<typeof clientOf>>): Promise<WebSocket> {
  const socket = closing(new WebSocket(`wss://127.0.0.1:${port}/chat?token=s3cret`, { agent }), (one) => {
    one.on('error', () => {});
    one.terminate();
  });
  const [message] = (await once(socket, 'message')) as [Buffer];
  expect(message.toString()).toMatch(/^hello spiffe:/);
  return socket;
}

async function say(socket: WebSocket, words: string): Promise<string> {
  socket.send(words);
  const [message] = (await once(socket, 'message')) as [Buffer];
  return message.toString();
}

/** The answer to a request for a WebSocket that was refused. */
async function refusal(
  url: string,
  agent?: Awaited<ReturnType<typeof clientOf>>,
): Promise<[number | undefined, unknown]> {
  const socket = new WebSocket(url, agent === undefined ? {} : { agent });
  socket.on('error', () => {});
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  expect(response.headers['content-type']).toBe('application/problem+json');
  return [response.statusCode, (JSON.parse(await text(response)) as { code: string }).code];
}

describe('authorizeUpgrade', () => {
  it('makes a WebSocket for an authorised peer, and answers another with 403', async () => {
    const seen: string[] = [];
    const server = createHttpsServer(await sourceOf('/server'), { authorize: authorizeAny() });
    server.on('upgrade', authorizeUpgrade(greeter(seen), authorizeId('spiffe://a.test/admin')));
    const port = await listen(server);
    const events = refusals();

    const socket = await dial(port, await clientOf('/admin'));
    expect(await say(socket, 'hi')).toBe('spiffe://a.test/admin said hi');
    expect(await refusal(`wss://127.0.0.1:${port}/chat?token=s3cret`, await clientOf('/guest'))).toEqual([
      403,
      'ERR_PEER_UNAUTHORIZED',
    ]);
    expect(seen).toEqual(['spiffe://a.test/admin']);
    expect(events).toMatchObject([{ id: 'spiffe://a.test/guest', method: 'GET', path: '/chat' }]);
    expect(events).toHaveLength(1);
  });

  it('answers everybody with 401 on a server without a gate', async () => {
    const seen: string[] = [];
    const server = createServer();
    const sockets = greeter(seen);
    const upgrades = vi.spyOn(sockets, 'handleUpgrade');
    server.on('upgrade', authorizeUpgrade(sockets, authorizeAny()));
    const port = await listen(server);
    expect(await refusal(`ws://127.0.0.1:${port}`)).toEqual([401, 'ERR_PEER_UNVERIFIED']);
    expect(upgrades).not.toHaveBeenCalled();
    expect(seen).toEqual([]);
  });

  it('takes an authorizer that fails for a refusal', async () => {
    const seen: string[] = [];
    const server = createHttpsServer(await sourceOf('/server'), { authorize: authorizeAny() });
    const broken = authorizeWith({ trustDomains: 'any', description: 'nobody knows' }, () => {
      throw new Error('gone');
    });
    server.on('upgrade', authorizeUpgrade(greeter(seen), broken));
    const port = await listen(server);
    expect(await refusal(`wss://127.0.0.1:${port}`, await clientOf('/admin'))).toEqual([
      403,
      'ERR_PEER_UNAUTHORIZED',
    ]);
    expect(seen).toEqual([]);
  });

  it('keeps a WebSocket through rotations of both ends, and makes new ones with the new identity', async () => {
    const [server, client] = [await sourceOf('/server'), await sourceOf('/web')];
    const https = createHttpsServer(server, { authorize: authorizeAny() });
    https.on('upgrade', authorizeUpgrade(greeter(), authorizeAny()));
    const port = await listen(https);
    const agent = agentOf(client);
    const first = await dial(port, agent);

    for (let round = 0; round < 5; round++) {
      const answers = [say(first, String(round)), dial(port, agent)] as const;
      await Promise.all([rotate(server), rotate(client)]);
      await Promise.all(answers);
    }
    expect(await say(first, 'still here')).toBe('spiffe://a.test/web said still here');
  });

  it('a WebSocket ends with the identity of its peer, and others stay', async () => {
    const HOUR = 3_600_000;
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const source = closing(await ca.source({ lifetimeMs: 10 * HOUR }), (one) => one.close());
    const server = createHttpsServer(source, { authorize: authorizeAny(), clock });
    server.on('upgrade', authorizeUpgrade(greeter(), authorizeAny()));
    const port = await listen(server);
    const [short, lasting] = await Promise.all(
      [1, 5].map(async (hours) => {
        const client = closing(await ca.source({ path: '/web', lifetimeMs: hours * HOUR }), (one) =>
          one.close(),
        );
        // The clock of the client stands still: it is the server that ends the connection.
        const agent = createHttpsAgent(client, {
          authorize: authorizeAny(),
          clock: manualClock(clock.now()),
        });
        return dial(
          port,
          closing(agent, (one) => one.destroy()),
        );
      }),
    );
    const ended = once(short as WebSocket, 'close');

    clock.advance(HOUR + 1_000);

    await ended;
    expect(await say(lasting as WebSocket, 'hi')).toBe('spiffe://a.test/web said hi');
  });
});

describe('a WebSocket through the agent', () => {
  it('sends nothing to a server that is not authorised', async () => {
    const ca = await createTestCa({ trustDomain: 'a.test' });
    const { certPem: cert, keyPem: key } = await ca.issue({ path: '/other' });
    const client = closing(await ca.source({ path: '/web' }), (one) => one.close());
    let received = '';
    const server = createTls(
      { cert, key, requestCert: true, rejectUnauthorized: false, ca: [] },
      (socket) => {
        socket.on('data', (chunk) => {
          received += String(chunk);
        });
        socket.on('error', () => {});
      },
    );
    server.on('tlsClientError', () => {});
    const port = await listen(server);
    const agent = createHttpsAgent(client, {
      authorize: authorizeId('spiffe://a.test/server'),
    });
    closing(agent, (one) => one.destroy());
    const socket = new WebSocket(`wss://127.0.0.1:${port}/s3cret`, { agent });

    const [error] = (await once(socket, 'error')) as [Error];

    expect(error).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    await new Promise((resolve) => server.close(resolve));
    expect(received).toBe('');
  });
});
