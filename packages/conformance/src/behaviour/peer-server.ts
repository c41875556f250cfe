import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls';

import { type Credential } from './dial.ts';
import { presentedBy, sha256 } from './fingerprints.ts';

/** One connection to a server of the kit. */
export interface Visit {
  /** What the client presented, leaf first; empty when it presented nothing. */
  readonly chain: readonly string[];
  /** Bytes of the application that it sent. */
  bytes: number;
  /** Requests that it made, on an HTTP server. */
  requests: number;
  readonly resumed: boolean;
  readonly socket: TLSSocket;
}

/** How a server of the kit behaves. */
export interface PeerServerOptions {
  readonly as: Credential;
  /** Default: `line`. */
  readonly protocol?: 'line' | 'http1';
  /** Where an HTTP server sends everyone. Default: nowhere. */
  readonly redirect?: string;
  /** What a line server says first. Default: a greeting. */
  readonly greeting?: string;
  /** Of node:tls. */
  readonly tls?: TlsOptions;
}

/** A server of the kit: it takes everyone, and remembers what they show and send. */
export class PeerServer {
  /** The connections whose handshake was finished, in order. */
  readonly visits: Visit[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start({
    as,
    protocol = 'line',
    greeting = '{"hello":"kit"}',
    redirect,
    tls = {},
  }: PeerServerOptions): Promise<PeerServer> {
    const options: TlsOptions = {
      cert: as.certPem,
      key: as.keyPem,
      requestCert: true,
      rejectUnauthorized: false,
      ciphers: 'DEFAULT@SECLEVEL=0',
      ...tls,
    };
    const visitOf = new WeakMap<object, Visit>();
    const server =
      protocol === 'http1'
        ? createHttps(options, (request, response) => {
            const visit = visitOf.get(request.socket);
            if (visit !== undefined) visit.requests++;
            if (redirect !== undefined) response.writeHead(302, { location: redirect });
            request.resume().once('end', () => response.end(greeting));
          })
        : createServer(options);
    const peer = new PeerServer(server);
    server.on('secureConnection', (socket: TLSSocket) => {
      const visit: Visit = {
        chain: presentedBy(socket).map((der) => sha256(der)),
        bytes: 0,
        requests: 0,
        resumed: socket.isSessionReused(),
        socket,
      };
      peer.visits.push(visit);
      visitOf.set(socket, visit);
      socket.on('error', () => {});
      if (protocol === 'http1') return;
      socket.on('data', (chunk: Buffer) => (visit.bytes += chunk.length));
      socket.write(`${greeting}\n`);
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return peer;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Shows something else from now on. */
  present(as: Credential): void {
    this.#server.setSecureContext({ cert: as.certPem, key: as.keyPem, ciphers: 'DEFAULT@SECLEVEL=0' });
  }

  /** Ends it and every connection. */
  async close(): Promise<void> {
    for (const { socket } of this.visits) socket.destroy();
    this.#server.close();
    if (this.#server.listening) await once(this.#server, 'close');
  }
}
