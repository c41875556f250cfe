import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';
import { type TLSSocket } from 'node:tls';

import { isSpiffeError, SpiffeError } from '@svidkit/core';
import { type HttpsAgent, type Http2Client, type SocketHolder } from '@svidkit/tls';

import { engine } from './engine.ts';
import { identityOf } from './identity-of.ts';
import { toAuthorizer } from './match-id.ts';
import { type Closable, OpenThings } from './open-things.ts';
import { BadParams, type JsonObject, object, text } from './params.ts';
import { tlsFloor } from './server-operations.ts';

type Answer = { readonly status: number; readonly body: string; readonly peer: string };

interface Pool extends Closable {
  request(port: number, path: string): Promise<Answer>;
}

/** Every pool that is open. */
export const pools: OpenThings<Pool> = new OpenThings('c');

/** `client.connect` */
export async function connectOnce(params: JsonObject): Promise<JsonObject> {
  const { input, migration } = await identityOf(params);
  const { serverName } = params;
  const timeoutMs = Number(params['timeoutMs'] ?? 10_000);
  const socket = await asVerdict(
    engine.connectTls(input, {
      host: '127.0.0.1',
      port: portOf(params),
      ...authorizeOf(params),
      ...tlsFloor(params),
      ...(migration.policy === undefined ? {} : { policy: migration.policy }),
      ...(typeof serverName === 'string' ? { servername: serverName } : {}),
      ...(params['resumption'] === true ? { resumption: true } : {}),
      handshakeTimeoutMs: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    }),
  );
  try {
    const resumed = socket.isSessionReused();
    const line = await asVerdict(readLine(socket));
    return { peer: nameOfPeer(socket), line, resumed };
  } finally {
    socket.destroy();
  }
}

/** `client.pool` */
export async function openPool(params: JsonObject): Promise<JsonObject> {
  const { input, migration } = await identityOf(params);
  const options = {
    ...authorizeOf(params),
    ...tlsFloor(params),
    ...(migration.policy === undefined ? {} : { policy: migration.policy }),
  };
  const protocol = text(params, 'protocol');
  if (params['redirects'] === true) {
    const { redirectPool } = await import('./redirect-pool.ts');
    const pool = engine.redirectPool ?? redirectPool;
    return { handle: pools.add(() => pool(input, options)) };
  }
  if (protocol === 'http1') {
    const agent = engine.createHttpsAgent(input, options);
    return { handle: pools.add(() => http1Pool(agent)) };
  }
  if (protocol === 'http2') {
    const clients = new Map<number, Http2Client>();
    const clientOf = (port: number): Http2Client => {
      const known = clients.get(port);
      if (known !== undefined) return known;
      const made = engine.createHttp2Client(input, `https://127.0.0.1:${port}`, options);
      clients.set(port, made);
      return made;
    };
    return { handle: pools.add(() => http2Pool(clientOf, clients)) };
  }
  throw new BadParams(`protocol: ${protocol}`);
}

/** `client.request` */
export async function requestOnce(params: JsonObject): Promise<JsonObject> {
  const pool = pools.get(params);
  return { ...(await asVerdict(pool.request(portOf(params), text(params, 'path')))) };
}

/** `client.close` */
export async function closePool(params: JsonObject): Promise<JsonObject> {
  await pools.close(params);
  return {};
}

function authorizeOf(params: JsonObject): { authorize: ReturnType<typeof toAuthorizer> } {
  // Without one the library decides what happens.
  return params['authorize'] === undefined
    ? ({} as { authorize: never })
    : { authorize: toAuthorizer(object(params, 'authorize')) };
}

function http1Pool(agent: HttpsAgent): Pool {
  return {
    close: () => agent.destroy(),
    request: (port, path) =>
      new Promise((resolve, reject) => {
        const request = httpsRequest({ agent, host: '127.0.0.1', port, path }, (response) => {
          const peer = nameOfPeer(response);
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (body += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body, peer }));
          response.on('error', reject);
        });
        request.on('error', reject);
        request.end();
      }),
  };
}

function http2Pool(clientOf: (port: number) => Http2Client, clients: ReadonlyMap<number, Http2Client>): Pool {
  return {
    close() {
      for (const client of clients.values()) client.destroy();
    },
    async request(port, path) {
      const stream = await clientOf(port).request({ ':path': path });
      let status = 0;
      let body = '';
      stream.once('response', (headers) => (status = headers[':status'] ?? 0));
      stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      stream.end();
      const peer = nameOfPeer(stream);
      await once(stream, 'end');
      return { status, body, peer };
    },
  };
}

function portOf(params: JsonObject): number {
  const { port } = params;
  if (typeof port !== 'number') throw new BadParams('port: want a number');
  return port;
}

/** The first line that the server says. */
function readLine(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      line += chunk;
      if (line.includes('\n')) resolve(line.split('\n')[0] ?? '');
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new SpiffeError('ERR_PEER_CLOSED_AFTER_HANDSHAKE', 'no line came')));
  });
}

/** Errors of the network are no verdict of the library, but how a peer says no: they count as one. */
async function asVerdict<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (isSpiffeError(error) || !(error instanceof Error && 'code' in error)) throw error;
    throw new SpiffeError('ERR_PEER_HANDSHAKE', `${String(error.code)}: ${error.message}`, { cause: error });
  }
}

function nameOfPeer(holder: SocketHolder): string {
  const peer = engine.anyPeerOf(holder);
  return peer.kind === 'spiffe' ? peer.id.toString() : `legacy:${peer.name}`;
}
