import { once } from 'node:events';
import { type AddressInfo, connect as connectPlain, createServer, type Server, type Socket } from 'node:net';
import { connect, createSecureContext, TLSSocket } from 'node:tls';

import { type Preface } from './preface.ts';

/** What one end presents. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** One connection of a client, as the tap saw it. */
export interface Tapped {
  /** Serial number of the certificate that the client presented. */
  serial: string | undefined;
  /** All that the client sent after TLS was up or refused. */
  sent: Buffer;
}

/** What a {@link Tap} is and does. */
export interface TapOptions {
  /** What it presents to clients. */
  readonly identity: Identity;
  /** What it presents to the real server. */
  readonly toServer: Identity;
  readonly preface: Preface;
  /** Where the real server is. */
  readonly serverPort: number;
  /** Whether it tells clients that there is no TLS. */
  readonly refuseTls?: boolean;
  /** Where to listen. Default: anywhere. */
  readonly port?: number;
}

/**
 * A man in the middle: ends the TLS of clients with the identity it was given, keeps every byte that they send, and
 * passes it on to the real server over TLS of its own. So whoever trusts it gets real answers, and is caught.
 */
export class Tap {
  readonly connections: Tapped[] = [];
  readonly #options: TapOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: TapOptions) {
    this.#options = options;
    this.#server = createServer((client) => {
      this.#serve(client).catch(() => client.destroy());
    });
  }

  /** Starts listening on the loopback. */
  static async open(options: TapOptions): Promise<Tap> {
    const tap = new Tap(options);
    tap.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(tap.#server, 'listening');
    return tap;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** All application bytes of all connections. */
  get sent(): Buffer {
    return Buffer.concat(this.connections.map((connection) => connection.sent));
  }

  /** Resolves once all connections have ended, so that nothing more can come. */
  async deserted(): Promise<void> {
    for (const socket of this.#sockets) if (!socket.closed) await once(socket, 'close');
  }

  /** Ends all connections; goes on listening. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.drop();
    await closed;
  }

  async #serve(client: Socket): Promise<void> {
    const { preface, serverPort, refuseTls } = this.#options;
    const tapped: Tapped = { serial: undefined, sent: Buffer.alloc(0) };
    this.connections.push(tapped);
    const server = this.#hold(connectPlain({ host: '127.0.0.1', port: serverPort }));
    this.#hold(client).once('close', () => server.destroy());
    server.once('close', () => client.destroy());
    if (refuseTls === true) {
      await preface.refuse?.(client, server);
      client.on('data', (chunk: Buffer) => (tapped.sent = Buffer.concat([tapped.sent, chunk])));
      return;
    }
    await preface.relay(client, server);
    const inner = this.#acceptTls(client, tapped);
    const outer = this.#connectTls(server);
    inner.pipe(outer);
    outer.pipe(inner);
  }

  #acceptTls(client: Socket, tapped: Tapped): TLSSocket {
    const { certPem, keyPem } = this.#options.identity;
    const inner = new TLSSocket(client, {
      isServer: true,
      // Whatever the client presents is recorded, not judged.
      secureContext: createSecureContext({ cert: certPem, key: keyPem, ca: [] }),
      requestCert: true,
      rejectUnauthorized: false,
    });
    this.#hold(inner);
    inner.once('secure', () => {
      tapped.serial = inner.getPeerX509Certificate()?.serialNumber;
    });
    inner.on('data', (chunk: Buffer) => (tapped.sent = Buffer.concat([tapped.sent, chunk])));
    return inner;
  }

  #connectTls(server: Socket): TLSSocket {
    const { certPem, keyPem } = this.#options.toServer;
    const outer = connect({ socket: server, cert: certPem, key: keyPem, rejectUnauthorized: false });
    return this.#hold(outer);
  }

  #hold<S extends Socket>(socket: S): S {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // How a connection ends is seen by its two ends.
    socket.on('error', () => socket.destroy());
    return socket;
  }
}
