import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import {
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createSocketServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { methodPath, type WorkloadApiMethod } from '@svidkit/workload-api/protocol';

import { type FakeStatus, refuse } from './fake-method.ts';
import { firstMessage } from './grpc-frame.ts';

/** Takes a call. */
type Handler = (
  stream: ServerHttp2Stream,
  metadata: Readonly<Record<string, string>>,
  request: Uint8Array,
) => void;

/** What a fake endpoint is. */
export interface FakeEndpointOptions {
  readonly transport: 'unix' | 'tcp';
  /** Makes the server that listens; another one after each stop. */
  readonly makeServer: () => Http2Server | Http2SecureServer;
  /** The metadata key that a request must have, with the value `true`. */
  readonly securityHeader: string;
  readonly methods: readonly { readonly method: WorkloadApiMethod; readonly handle: Handler }[];
  /** Why a call is refused before it is looked at; undefined: it is not. */
  readonly objection?: (stream: ServerHttp2Stream) => FakeStatus | undefined;
}

/** How a test breaks an endpoint, and mends it. */
export interface FakeEndpoint extends AsyncDisposable {
  /** As clients take it. Stays the same over `stop` and `start`. */
  readonly address: string;
  /** Where the socket is; undefined over TCP. */
  readonly socketPath: string | undefined;
  /** How many connections there are now. */
  readonly connections: number;
  /** Breaks all connections, as when the agent is killed. New ones are taken at once. */
  breakConnections(): void;
  /** Says GOAWAY on all connections; calls that are open go on. */
  goAway(): void;
  /** Stops listening, breaks all connections and takes the socket away. */
  stop(): Promise<void>;
  /** Listens again, at the same address. */
  start(): Promise<void>;
  /** Stops, and leaves at the path of the socket: a socket that nobody listens on, or a file. */
  leave(what: 'dead-socket' | 'file'): Promise<void>;
  /** Stops and removes the directory. Idempotent. */
  close(): Promise<void>;
}

/** Starts an endpoint that hands calls to methods. Refuses those without its security header. */
export async function startFakeEndpoint(options: FakeEndpointOptions): Promise<FakeEndpoint> {
  const directory =
    options.transport === 'tcp' ? undefined : await mkdtemp(join(tmpdir(), 'svidkit-workload-api-'));
  const socketPath = directory === undefined ? undefined : join(directory, 'api.sock');
  const byPath = new Map(options.methods.map(({ method, handle }) => [methodPath(method), handle]));
  const sessions = new Set<ServerHttp2Session>();
  let server: Http2Server | Http2SecureServer | undefined;
  let port = 0;

  const start = async (): Promise<void> => {
    if (server !== undefined) return;
    const next = options.makeServer();
    next.on('session', (session: ServerHttp2Session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
      session.on('error', () => undefined); // The other end went away.
    });
    next.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      void serve(stream, headers, byPath, options);
    });
    if (socketPath !== undefined) await rm(socketPath, { recursive: true, force: true });
    await listening(next, socketPath ?? { host: '127.0.0.1', port });
    const bound = next.address();
    if (typeof bound === 'object' && bound !== null) ({ port } = bound);
    server = next;
  };

  const breakConnections = (): void => {
    for (const session of sessions) session.destroy();
  };

  /** Whoever is connected finds what `leave` has put there when it comes back. */
  const stop = async (leave: () => Promise<void> = async () => undefined): Promise<void> => {
    const last = server;
    server = undefined;
    if (last === undefined) return;
    const closed = new Promise<void>((resolve) => void last.close(() => resolve()));
    await leave();
    breakConnections();
    await closed;
  };

  const close = async (): Promise<void> => {
    await stop();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  };

  await start();
  return Object.freeze<FakeEndpoint>({
    address: socketPath === undefined ? `tcp://127.0.0.1:${port}` : `unix://${socketPath}`,
    socketPath,
    get connections() {
      return sessions.size;
    },
    breakConnections,
    goAway() {
      for (const session of sessions) session.goaway();
    },
    start,
    stop: () => stop(),
    async leave(what) {
      if (socketPath === undefined) return stop();
      return stop(() => (what === 'file' ? writeFile(socketPath, '') : leaveSocket(socketPath)));
    },
    close,
    [Symbol.asyncDispose]: close,
  });
}

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  byPath: ReadonlyMap<string, Handler>,
  { securityHeader, objection }: FakeEndpointOptions,
): Promise<void> {
  stream.on('error', () => undefined); // The other end went away, or the test broke it.
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => void stream.once('end', resolve).once('close', resolve));
  if (stream.destroyed) return;
  const metadata = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join() : (value ?? ''),
    ]),
  );
  const handler = byPath.get(metadata[':path'] ?? '');
  const refused = objection?.(stream);
  // SPIFFE Workload Endpoint 3, SPIFFE Broker Endpoint 3.
  if (metadata[securityHeader] !== 'true') {
    refuse(stream, { code: 3, details: 'security header missing from request' });
  } else if (refused !== undefined) {
    refuse(stream, refused);
  } else if (handler === undefined) {
    refuse(stream, { code: 12, details: 'unknown method' });
  } else {
    handler(stream, metadata, firstMessage(Buffer.concat(chunks)));
  }
}

function listening(
  server: Server | Http2Server | Http2SecureServer,
  where: string | { host: string; port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A socket whose listener is gone: renamed first, because the listener takes its own path away when it ends. */
async function leaveSocket(path: string): Promise<void> {
  const server = createSocketServer();
  await listening(server, `${path}.new`);
  await rename(`${path}.new`, path);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
}
