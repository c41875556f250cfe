import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import { type BundleReply, reply } from './bundle-reply.ts';
import { type TestCertificate } from './test-svid.ts';

/** What a {@link fakeBundleEndpoint} is. */
export interface FakeBundleEndpointOptions {
  /**
   * What it presents: an SVID for `https_spiffe`, a certificate for its host (`issueLegacy`) for `https_web`. It is
   * reached as `localhost`, `127.0.0.1` and, in its URL, as `host` says.
   */
  readonly certificate: TestCertificate;
  /** What it does with requests. Default: status 404. */
  readonly reply?: BundleReply;
  /** The host in its URL. @default 'localhost' */
  readonly host?: string;
  /** The only TLS version it speaks. Default: 1.2 and 1.3. */
  readonly tls?: 'TLSv1.2' | 'TLSv1.3';
}

/** A request that a fake bundle endpoint received. */
export interface BundleRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Whether the client presented a certificate, which it was asked for and need not have. */
  readonly presentedCertificate: boolean;
  /** The server name that the client asked for; undefined: none. */
  readonly serverName: string | undefined;
}

/**
 * Starts a bundle endpoint on the loopback that does what a test says: real TLS, real HTTP, any misbehaviour of
 * {@link BundleReply}. Close it, or give it to `await using`.
 */
export async function fakeBundleEndpoint(options: FakeBundleEndpointOptions): Promise<FakeBundleEndpoint> {
  const endpoint = new FakeBundleEndpoint(options);
  await endpoint.listen();
  return endpoint;
}

/** A running bundle endpoint. */
export class FakeBundleEndpoint implements AsyncDisposable {
  /** Every request that it received, in order. */
  readonly requests: BundleRequest[] = [];
  readonly #host: string;
  readonly #https: HttpsServer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiters = new Set<() => void>();
  #port = 0;
  #connections = 0;
  #always: BundleReply;
  #next: BundleReply[] = [];

  /** @internal Use `fakeBundleEndpoint`. */
  constructor({
    certificate,
    reply: always = { status: 404 },
    host = 'localhost',
    tls,
  }: FakeBundleEndpointOptions) {
    this.#host = host;
    this.#always = always;
    const versions =
      tls === undefined ? { minVersion: 'TLSv1.2' as const } : { minVersion: tls, maxVersion: tls };
    this.#https = createHttpsServer({
      ...contextOf(certificate),
      ...versions,
      requestCert: true,
      rejectUnauthorized: false,
    });
    this.#https.on('request', (request, response) => this.#answer(request, response));
    this.#https.on('tlsClientError', () => {});
    this.#server = createNetServer((socket) => this.#accept(socket));
  }

  /** @internal */
  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#port;
  }

  /** How to reach it: `https://localhost:port/bundle.json`. */
  get url(): string {
    return `https://${this.#host}:${this.#port}/bundle.json`;
  }

  /** How many connections were opened to it. */
  get connections(): number {
    return this.#connections;
  }

  /** Does this with every request from now on. */
  replyWith(always: BundleReply): void {
    this.#always = always;
    this.#next = [];
  }

  /** Does these with the next requests, one each, and after them what it did before. */
  replyOnce(...next: readonly BundleReply[]): void {
    this.#next.push(...next);
  }

  /** Presents another certificate on new connections. */
  present(certificate: TestCertificate): void {
    this.#https.setSecureContext(contextOf(certificate));
  }

  /** Resolves when it has received `count` requests, now or later. */
  async received(count: number): Promise<void> {
    await this.#until(() => this.requests.length >= count);
  }

  /** Resolves when `count` connections were opened to it, now or later. */
  async connected(count: number): Promise<void> {
    await this.#until(() => this.#connections >= count);
  }

  /** Ends every connection and stops listening. Idempotent. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(socket: Socket): void {
    this.#connections++;
    this.#sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
    const stalls = 'stall' in this.#coming && this.#coming.stall === 'handshake';
    if (stalls) this.#next.shift();
    // The handshake is done by a server that listens to nothing itself.
    else this.#https.emit('connection', socket);
    this.#wake();
  }

  get #coming(): BundleReply {
    return this.#next[0] ?? this.#always;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { socket, method = '', url: path = '', headers } = request;
    if (socket instanceof TLSSocket) {
      this.requests.push({
        method,
        path,
        headers,
        presentedCertificate: socket.getPeerX509Certificate() !== undefined,
        serverName: serverNameOf(socket),
      });
    }
    const what = this.#coming;
    this.#next.shift();
    reply(response, what);
    this.#wake();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
  }
}

/** Which Node.js knows and its types do not. */
function serverNameOf(socket: TLSSocket): string | undefined {
  return 'servername' in socket && typeof socket.servername === 'string' ? socket.servername : undefined;
}

function contextOf({ certPem, keyPem }: TestCertificate): { readonly cert: string; readonly key: string } {
  return { cert: certPem, key: keyPem };
}
