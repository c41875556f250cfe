import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createSocketServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type JWTBundlesRequestSchema,
  type JWTBundlesResponseSchema,
  type JWTSVIDRequestSchema,
  type JWTSVIDResponseSchema,
  methodPath,
  SECURITY_HEADER,
  SECURITY_HEADER_VALUE,
  SpiffeWorkloadAPI,
  type ValidateJWTSVIDRequestSchema,
  type ValidateJWTSVIDResponseSchema,
  type WITBundlesRequestSchema,
  type WITBundlesResponseSchema,
  type WITSVIDRequestSchema,
  type WITSVIDResponseSchema,
  type X509BundlesRequestSchema,
  type X509BundlesResponseSchema,
  type X509SVIDRequestSchema,
  type X509SVIDResponseSchema,
} from '@svidkit/workload-api/protocol';

import { FakeMethod, refuse } from './fake-method.ts';
import { firstMessage } from './grpc-frame.ts';

/** Options of {@link startFakeWorkloadApi}. */
export interface FakeWorkloadApiOptions {
  /** Where it listens: on a socket in a directory of its own, or on the loopback address. @default 'unix' */
  readonly transport?: 'unix' | 'tcp';
}

/** A Workload API that does what a test tells it, over a real socket and real HTTP/2. */
export interface FakeWorkloadApi extends AsyncDisposable {
  /** For `SPIFFE_ENDPOINT_SOCKET` or option `address`. Stays the same over `stop` and `start`. */
  readonly address: string;
  /** Where the socket is; undefined over TCP. */
  readonly socketPath: string | undefined;
  readonly fetchX509Svid: FakeMethod<typeof X509SVIDRequestSchema, typeof X509SVIDResponseSchema>;
  readonly fetchX509Bundles: FakeMethod<typeof X509BundlesRequestSchema, typeof X509BundlesResponseSchema>;
  readonly fetchJwtSvid: FakeMethod<typeof JWTSVIDRequestSchema, typeof JWTSVIDResponseSchema>;
  readonly fetchJwtBundles: FakeMethod<typeof JWTBundlesRequestSchema, typeof JWTBundlesResponseSchema>;
  readonly validateJwtSvid: FakeMethod<
    typeof ValidateJWTSVIDRequestSchema,
    typeof ValidateJWTSVIDResponseSchema
  >;
  /** Not implemented until it is told what to give, as the next one. */
  readonly fetchWitSvid: FakeMethod<typeof WITSVIDRequestSchema, typeof WITSVIDResponseSchema>;
  readonly fetchWitBundles: FakeMethod<typeof WITBundlesRequestSchema, typeof WITBundlesResponseSchema>;
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

/**
 * Starts a fake Workload API. Like a real one it refuses requests without the security header, and, until it is told
 * what to give, answers PERMISSION_DENIED.
 */
export async function startFakeWorkloadApi(options: FakeWorkloadApiOptions = {}): Promise<FakeWorkloadApi> {
  const directory =
    options.transport === 'tcp' ? undefined : await mkdtemp(join(tmpdir(), 'svidkit-workload-api-'));
  const socketPath = directory === undefined ? undefined : join(directory, 'api.sock');
  const {
    fetchX509SVID,
    fetchX509Bundles,
    fetchJWTSVID,
    fetchJWTBundles,
    validateJWTSVID,
    fetchWITSVID,
    fetchWITBundles,
  } = SpiffeWorkloadAPI.method;
  const unimplemented = { code: 12, details: 'the WIT-SVID profile is not offered' };
  const methods = {
    fetchX509Svid: new FakeMethod(fetchX509SVID),
    fetchX509Bundles: new FakeMethod(fetchX509Bundles),
    fetchJwtSvid: new FakeMethod(fetchJWTSVID),
    fetchJwtBundles: new FakeMethod(fetchJWTBundles),
    validateJwtSvid: new FakeMethod(validateJWTSVID),
    fetchWitSvid: new FakeMethod(fetchWITSVID, unimplemented),
    fetchWitBundles: new FakeMethod(fetchWITBundles, unimplemented),
  };
  const byPath = new Map<string, Handler>([
    [methodPath(fetchX509SVID), (...call) => methods.fetchX509Svid.handle(...call)],
    [methodPath(fetchX509Bundles), (...call) => methods.fetchX509Bundles.handle(...call)],
    [methodPath(fetchJWTSVID), (...call) => methods.fetchJwtSvid.handle(...call)],
    [methodPath(fetchJWTBundles), (...call) => methods.fetchJwtBundles.handle(...call)],
    [methodPath(validateJWTSVID), (...call) => methods.validateJwtSvid.handle(...call)],
    [methodPath(fetchWITSVID), (...call) => methods.fetchWitSvid.handle(...call)],
    [methodPath(fetchWITBundles), (...call) => methods.fetchWitBundles.handle(...call)],
  ]);
  const sessions = new Set<ServerHttp2Session>();
  let server: Http2Server | undefined;
  let port = 0;

  const start = async (): Promise<void> => {
    if (server !== undefined) return;
    const next = createServer();
    next.on('session', (session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
      session.on('error', () => undefined); // The other end went away.
    });
    next.on('stream', (stream, headers) => void serve(stream, headers, byPath));
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
  return Object.freeze<FakeWorkloadApi>({
    ...methods,
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

type Handler = (
  stream: ServerHttp2Stream,
  metadata: Readonly<Record<string, string>>,
  request: Uint8Array,
) => void;

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  byPath: ReadonlyMap<string, Handler>,
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
  // SPIFFE Workload Endpoint 3.
  if (metadata[SECURITY_HEADER] !== SECURITY_HEADER_VALUE) {
    refuse(stream, { code: 3, details: 'security header missing from request' });
  } else if (handler === undefined) {
    refuse(stream, { code: 12, details: 'unknown method' });
  } else {
    handler(stream, metadata, firstMessage(Buffer.concat(chunks)));
  }
}

function listening(
  server: Server | Http2Server,
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
