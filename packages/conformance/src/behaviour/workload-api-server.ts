import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { join } from 'node:path';

import { STATUS, unframed, WorkloadCall } from './workload-call.ts';
import { WorkloadMethod } from './workload-method.ts';

/** A Workload API of the kit, on a socket of the case: it remembers what it is asked, and can misbehave. */
export class WorkloadApiServer {
  readonly x509: WorkloadMethod = new WorkloadMethod();
  readonly x509Bundles: WorkloadMethod = new WorkloadMethod();
  readonly jwt: WorkloadMethod = new WorkloadMethod();
  readonly jwtBundles: WorkloadMethod = new WorkloadMethod();
  readonly validate: WorkloadMethod = new WorkloadMethod();
  readonly wit: WorkloadMethod = new WorkloadMethod();
  readonly witBundles: WorkloadMethod = new WorkloadMethod();
  readonly #methods = new Map<string, WorkloadMethod>([
    ['/SpiffeWorkloadAPI/FetchX509SVID', this.x509],
    ['/SpiffeWorkloadAPI/FetchX509Bundles', this.x509Bundles],
    ['/SpiffeWorkloadAPI/FetchJWTSVID', this.jwt],
    ['/SpiffeWorkloadAPI/FetchJWTBundles', this.jwtBundles],
    ['/SpiffeWorkloadAPI/ValidateJWTSVID', this.validate],
    ['/SpiffeWorkloadAPI/FetchWITSVID', this.wit],
    ['/SpiffeWorkloadAPI/FetchWITBundles', this.witBundles],
  ]);
  readonly #socket: string | undefined;
  readonly #sent: (message: Uint8Array) => void;
  readonly #sessions = new Set<ServerHttp2Session>();
  #server: Http2Server | undefined;
  #port = 0;

  /**
   * @param directory - where its socket is; undefined for a port of the loopback address.
   * @param sent - hears each message before it goes.
   */
  constructor(directory: string | undefined, sent: (message: Uint8Array) => void = () => {}) {
    this.#sent = sent;
    this.#socket = directory === undefined ? undefined : join(directory, 'api.sock');
  }

  /** How many connections there were, with whatever was said on them. */
  connections = 0;

  /** Where it is, once it has been started; on a socket also before. */
  get address(): string {
    return this.#socket === undefined ? `tcp://127.0.0.1:${this.#port}` : `unix://${this.#socket}`;
  }

  /** Listens: on a new socket each time. */
  async start(): Promise<void> {
    const server = createServer();
    server.on('connection', () => this.connections++);
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', () => {}); // The other end went away.
    });
    server.on('stream', (stream, headers) => this.#take(stream, headers));
    if (this.#socket === undefined) server.listen(this.#port, '127.0.0.1');
    else {
      await rm(this.#socket, { force: true });
      server.listen(this.#socket);
    }
    await once(server, 'listening');
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) this.#port = bound.port;
    this.#server = server;
  }

  /** Breaks all connections. New ones are taken. */
  breakConnections(): void {
    for (const session of this.#sessions) session.destroy();
  }

  /** Goes away, with its socket and all connections. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    this.breakConnections();
    await closed;
    if (this.#socket !== undefined) await rm(this.#socket, { force: true });
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const chunks: Buffer[] = [];
    stream.on('error', () => {}); // The other end went away.
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      if (stream.destroyed) return;
      const call = new WorkloadCall(stream, headers, unframed(Buffer.concat(chunks)), this.#sent);
      const method = this.#methods.get(headers[':path'] ?? '');
      if (method === undefined) call.refuse(STATUS.unimplemented);
      else method.take(call);
    });
  }
}
