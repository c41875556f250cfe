import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, type Server, type Socket } from 'node:net';
import { type Server as TlsServer, type TLSSocket } from 'node:tls';

import { type StaticMigrationPolicy, type SvidkitEvents } from '@svidkit/core';
import { type Gated, type SecureServerOptions, type SocketHolder } from '@svidkit/tls';

import { engine } from './engine.ts';
import { identityOf, type OwnIdentity, policyOf } from './identity-of.ts';
import { toAuthorizer } from './match-id.ts';
import { type Closable, OpenThings } from './open-things.ts';
import { BadParams, type JsonObject, object, text } from './params.ts';
import { reasonOf } from './reason-of.ts';
import { tell } from './tell.ts';

type Rejected = SvidkitEvents['svidkit:peer.rejected'];

/** A server of any kind. */
interface Stoppable extends Closable {
  readonly policy: StaticMigrationPolicy | undefined;
  stop(graceMs: number): Promise<void>;
}

class OpenServer implements Stoppable {
  readonly policy: StaticMigrationPolicy | undefined;
  readonly #server: Gated<TlsServer>;
  readonly #handle: string;
  readonly #clients = new Set<string>();
  readonly #onRejected = (message: unknown): void => this.#rejected(message as Rejected);

  constructor(handle: string, server: Gated<TlsServer>, policy: StaticMigrationPolicy | undefined) {
    this.#handle = handle;
    this.#server = server;
    this.policy = policy;
    server.on('connection', (socket: Socket) => {
      const client = `${socket.remoteAddress}:${socket.remotePort}`;
      this.#clients.add(client);
      socket.once('close', () => setImmediate(() => this.#clients.delete(client)));
    });
    subscribe('svidkit:peer.rejected', this.#onRejected);
  }

  async stop(graceMs: number): Promise<void> {
    await this.#server.drain({ deadlineMs: graceMs });
    unsubscribe('svidkit:peer.rejected', this.#onRejected);
  }

  close(): Promise<void> {
    return this.stop(0);
  }

  #rejected({ remote, error }: Rejected): void {
    if (remote === undefined || !this.#clients.has(remote)) return;
    tell({ event: 'server.rejected', handle: this.#handle, data: { code: reasonOf(error) } });
  }
}

/** Every server that is open. */
export const servers: OpenThings<Stoppable> = new OpenThings('v');

/** `server.start` */
export async function startServer(params: JsonObject): Promise<JsonObject> {
  const identity = await identityOf(params);
  if (text(params, 'protocol') === 'grpc') {
    // Loaded when it is needed: most runs need none.
    const { GrpcServer } = await import('./grpc-server.ts');
    const server = new GrpcServer();
    const port = await server.start(identity.input, serverOptions(params));
    return { port, handle: servers.add(() => server) };
  }
  const server = makeServer(text(params, 'protocol'), identity, serverOptions(params));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = (server as Server).address() as AddressInfo;
  return { port, handle: servers.add((handle) => new OpenServer(handle, server, identity.policy)) };
}

/** `server.stop` */
export async function stopServer(params: JsonObject): Promise<JsonObject> {
  const graceMs = params['graceMs'] ?? 0;
  if (typeof graceMs !== 'number') throw new BadParams('graceMs: want a number');
  await servers.get(params).stop(graceMs);
  await servers.close(params);
  return {};
}

/** `server.migrate` */
export function migrateServer(params: JsonObject): JsonObject {
  const { policy } = servers.get(params);
  if (policy === undefined) throw new BadParams('handle: want a server that was started with a migration');
  policy.update(policyOf(params));
  return {};
}

/** The parts of the options that servers and clients share. */
export function tlsFloor(params: JsonObject): { minVersion?: 'TLSv1.2' | 'TLSv1.3' } {
  const { minTls } = params;
  if (minTls === undefined) return {};
  return { minVersion: minTls === '1.2' ? 'TLSv1.2' : 'TLSv1.3' };
}

function serverOptions(params: JsonObject): SecureServerOptions {
  return {
    ...tlsFloor(params),
    ...(params['resumption'] === undefined ? {} : { resumption: params['resumption'] === true }),
    ...(params['handshakeTimeoutMs'] === undefined
      ? {}
      : { handshakeTimeoutMs: Number(params['handshakeTimeoutMs']) }),
    // Without one the library decides what happens.
    ...(params['authorize'] === undefined
      ? ({} as { authorize: never })
      : { authorize: toAuthorizer(object(params, 'authorize')) }),
    // Many cases dial from one address, and fail on purpose.
    maxFailuresPerAddress: 0,
  };
}

function makeServer(
  protocol: string,
  { input, migration }: OwnIdentity,
  base: SecureServerOptions,
): Gated<TlsServer> {
  const options = { ...base, ...migration };
  switch (protocol) {
    case 'line':
      return engine.createTlsServer(input, options, (socket: TLSSocket) => {
        socket.on('error', () => {});
        socket.write(`${nameOfPeer(socket)}\n`);
        socket.pipe(socket);
      });
    case 'http1':
      return engine.createHttpsServer(input, options, (request, response) => {
        request.resume().once('end', () => response.end(nameOfPeer(request)));
      });
    case 'http2': {
      const server = createSecureServer({}, (request, response) => {
        request.resume().once('end', () => response.end(nameOfPeer(request.stream)));
      });
      return engine.secureServer(server, input, options);
    }
    default:
      throw new BadParams(`protocol: ${protocol}`);
  }
}

function nameOfPeer(holder: SocketHolder): string {
  const peer = engine.anyPeerOf(holder);
  return JSON.stringify(peer.kind === 'spiffe' ? { peer: peer.id.toString() } : { legacy: peer.name });
}
