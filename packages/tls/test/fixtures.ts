import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type RequestListener } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttps, request as httpsRequest, type RequestOptions } from 'node:https';
import { type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import {
  connect,
  type ConnectionOptions,
  createServer as createTls,
  type Server,
  type TlsOptions,
  type TLSSocket,
} from 'node:tls';

import { type Authorizer, authorizeAny, type SvidkitEvents, type X509Source } from '@svidkit/core';
import { createTestCa, type TestCa, type TestContextOptions, type TestX509Source } from '@svidkit/testkit';
import {
  connectTls,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  peerOf,
  secureServer,
  type SecureServerOptions,
  tlsClientOptions,
} from '@svidkit/tls';

/** What a raw peer presents. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

const closers: (() => unknown)[] = [];

/** Closes what the fixtures opened since the last call. For `afterEach`, and the end of a child program. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

/** Has `close` called by the next {@link closeAll}. */
export function closing<T>(thing: T, close: (thing: T) => unknown): T {
  closers.push(() => close(thing));
  return thing;
}

/** The authorities of most tests. */
export interface World {
  /** The root of a.test. */
  readonly a: TestCa;
  /** The root of b.test, a trust domain that a.test is federated with. */
  readonly b: TestCa;
  /** Says that it is of a.test, and is in nobody's bundle. */
  readonly rogue: TestCa;
}

let made: Promise<World> | undefined;

/** Made once: authorities are immutable. */
export function world(): Promise<World> {
  made ??= makeWorld();
  return made;
}

async function makeWorld(): Promise<World> {
  const [a, b, rogue] = await Promise.all([
    createTestCa({ trustDomain: 'a.test' }),
    createTestCa({ trustDomain: 'b.test' }),
    createTestCa({ trustDomain: 'a.test' }),
  ]);
  return { a, b, rogue };
}

/** A source of an SVID of `ca`, closed after the test. */
export async function sourceOf(ca: TestCa, options: TestContextOptions = {}): Promise<TestX509Source> {
  return closing(await ca.source(options), (source) => source.close());
}

/** Gives `source` the next SVID of `ca`. */
export async function rotate(
  source: TestX509Source,
  ca: TestCa,
  options: TestContextOptions = {},
): Promise<void> {
  const { svid, bundles } = await ca.context(options);
  source.update(svid, bundles);
}

/** One certificate as PEM. */
export function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** The leaf and key of an SVID, with other certificates behind it than its own. */
export function withChain(
  svid: { readonly chainDer: readonly Uint8Array[]; readonly keyPem: string },
  ...behind: readonly Uint8Array[]
): Identity {
  return { certPem: [...svid.chainDer.slice(0, 1), ...behind].map(toPem).join(''), keyPem: svid.keyPem };
}

/** The events of svidkit since this call. */
export class Events {
  readonly accepted: SvidkitEvents['svidkit:peer.accepted'][] = [];
  readonly rejected: SvidkitEvents['svidkit:peer.rejected'][] = [];
  readonly drained: SvidkitEvents['svidkit:connection.drained'][] = [];
  readonly errors: SvidkitEvents['svidkit:source.error'][] = [];
  readonly #waiters = new Set<() => void>();

  constructor() {
    this.#listen('svidkit:peer.accepted', this.accepted);
    this.#listen('svidkit:peer.rejected', this.rejected);
    this.#listen('svidkit:connection.drained', this.drained);
    this.#listen('svidkit:source.error', this.errors);
  }

  /** The codes of the rejections of one side, in order. */
  codes(side: 'client' | 'server'): string[] {
    return this.rejected.filter((event) => event.side === side).map(({ error }) => error.code);
  }

  /** Resolves as soon as `condition` holds; looks at once and after each event. */
  async until(condition: (events: this) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve);
      });
    }
  }

  #listen(name: string, into: unknown[]): void {
    const listener = (event: unknown): void => {
      into.push(event);
      for (const wake of this.#waiters) wake();
      this.#waiters.clear();
    };
    subscribe(name, listener);
    closers.push(() => unsubscribe(name, listener));
  }
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n';

/** A client on bare node:tls that takes any server, as an attacker would. */
export class RawClient {
  readonly socket: TLSSocket;
  /** Resolves when the connection is over, however it ended. */
  readonly closed: Promise<void>;
  /** The sessions that the server gave to resume. */
  readonly sessions: Buffer[] = [];
  secured = false;
  resumed = false;
  error: Error | undefined;
  /** What the server presented. */
  serverLeaf: Buffer | undefined;
  received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  constructor(
    port: number,
    identity?: Identity,
    options: ConnectionOptions & { readonly send?: string | Buffer } = {},
  ) {
    const { send, ...rest } = options;
    this.socket = connect({
      ...(rest.socket === undefined && rest.path === undefined ? { host: '127.0.0.1', port } : {}),
      rejectUnauthorized: false,
      ...(identity === undefined ? {} : { cert: identity.certPem, key: identity.keyPem }),
      ...rest,
    });
    this.socket.on('session', (session) => this.sessions.push(session));
    this.socket.on('secureConnect', () => {
      this.secured = true;
      this.resumed = this.socket.isSessionReused();
      this.serverLeaf = this.socket.getPeerCertificate().raw;
    });
    this.socket.on('error', (error: Error) => {
      this.error = error;
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        resolve();
        this.#wake?.();
      });
    });
    // Written before the handshake, so that it leaves together with our Finished message.
    if (send !== undefined) this.socket.write(send);
    closing(this.socket, (socket) => socket.destroy());
  }

  /** Asks once over this connection. Gives the line of the answer, or undefined when the connection ended instead. */
  async ask(header = ''): Promise<string | undefined> {
    if (this.socket.destroyed) return undefined;
    const from = this.received.length;
    this.socket.write(`${REQUEST}${header}\r\n`);
    return this.answer(from);
  }

  /** The next line `peer=...`, or undefined when the connection ended instead. */
  async answer(from = 0): Promise<string | undefined> {
    for (;;) {
      const line = /peer=[^\n]*(?=\n)/.exec(this.received.subarray(from).toString('latin1'))?.[0];
      if (line !== undefined || this.socket.destroyed) return line;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Asks once, with the request pipelined behind the handshake, and waits for the end. */
export async function knock(
  port: number,
  identity?: Identity,
  options: ConnectionOptions = {},
): Promise<RawClient & { readonly line: string | undefined }> {
  const client = new RawClient(port, identity, { ...options, send: `${REQUEST}Connection: close\r\n\r\n` });
  await client.closed;
  return Object.assign(client, { line: await client.answer() });
}

/** Starts listening on the loopback. */
export async function listen(server: NetServer, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  closing(server, async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

/** A service behind the gate. */
export interface Service<S extends Server = Server> {
  readonly server: S;
  readonly port: number;
  /** Who reached the application, in order: per connection for plain TLS, else per request. */
  readonly handled: string[];
}

export type ServiceOptions = Partial<SecureServerOptions>;

/** Every kind of gated server, each with an application that says whom it sees. */
export const SERVICES: Readonly<
  Record<string, (source: X509Source, options?: ServiceOptions) => Promise<Service>>
> = {
  createTlsServer: tlsService,
  createHttpsServer: (source, options) =>
    serve((handled) =>
      createHttpsServer(source, { authorize: authorizeAny(), ...options }, application(handled)),
    ),
  'secureServer over https': (source, options) =>
    serve((handled) =>
      secureServer(createHttps(application(handled)), source, { authorize: authorizeAny(), ...options }),
    ),
  'secureServer over http2 with allowHTTP1': (source, options) =>
    serve((handled) =>
      secureServer(createSecureServer({ allowHTTP1: true }, application(handled) as never), source, {
        authorize: authorizeAny(),
        ...options,
      }),
    ),
};

/** A plain TLS server that answers each request with whom it sees. */
export function tlsService(source: X509Source, options: ServiceOptions = {}): Promise<Service> {
  return serve((handled) =>
    createTlsServer(source, { authorize: authorizeAny(), ...options }, (socket) => {
      handled.push(peerOf(socket).id.toString());
      answerRequests(socket, () => describePeer(socket));
    }),
  );
}

/** An HTTPS server; `application` by default answers with whom it sees. */
export function httpsService(
  source: X509Source,
  options: ServiceOptions = {},
  listener?: RequestListener,
): Promise<Service> {
  return serve((handled) =>
    createHttpsServer(source, { authorize: authorizeAny(), ...options }, listener ?? application(handled)),
  );
}

/** Starts a server that is made around a list of whom it handled. */
export async function serve<S extends Server>(
  create: (handled: string[]) => S | Promise<S>,
): Promise<Service<S>> {
  const handled: string[] = [];
  const server = await create(handled);
  // node:http closes idle connections after five seconds: here only svidkit may.
  Object.assign(server, { keepAliveTimeout: 0 });
  return { server, handled, port: await listen(server) };
}

/** Answers with whom it sees, and whose certificate that is. */
export function application(handled: string[]): RequestListener {
  return (request, response) => {
    handled.push(peerOf(request).id.toString());
    response.end(describePeer(request));
  };
}

/** One line: who the peer is, and the serial number of its SVID. */
export function describePeer(holder: Parameters<typeof peerOf>[0]): string {
  const { id, certificate } = peerOf(holder);
  return `peer=${id.toString()} serial=${certificate.serialNumber}\n`;
}

/** Answers each HTTP request on `socket` by hand. */
export function answerRequests(socket: TLSSocket, body: () => string): void {
  let received = '';
  // After the handshake Node.js leaves it to the application to end a connection that broke.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received += String(chunk);
    for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
      const last = /connection: close/i.test(received.slice(0, end));
      received = received.slice(end + 4);
      const text = body();
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n${last ? 'Connection: close\r\n' : ''}\r\n${text}`;
      if (last) socket.end(answer);
      else socket.write(answer);
    }
  });
}

/** What a raw server saw of one connection. */
interface Seen {
  readonly serverName: string | false | null;
  readonly resumed: boolean;
  /** The alternative names of the client's certificate; undefined when it presented none. */
  readonly client: string | undefined;
  readonly serial: string | undefined;
  /** Every byte of the application. */
  received: string;
}

/** A server on bare node:tls, and what it learnt. */
export interface RawServer {
  readonly server: Server;
  readonly port: number;
  /** Per finished handshake, in order. */
  readonly seen: Seen[];
  /** Takes no more connections, waits until all are over, and gives every byte of the application it received. */
  readonly stolen: () => Promise<string>;
}

/** A server on bare node:tls that takes any client, as an attacker would. Resumption is on. */
export async function rawServer(identity: Identity, options: TlsOptions = {}): Promise<RawServer> {
  const seen: Seen[] = [];
  const server = createTls(
    {
      cert: identity.certPem,
      key: identity.keyPem,
      requestCert: true,
      rejectUnauthorized: false,
      ca: [],
      ...options,
    },
    (socket) => {
      const leaf = socket.getPeerCertificate() as Partial<ReturnType<TLSSocket['getPeerCertificate']>> | null;
      const connection: Seen = {
        serverName: (socket as TLSSocket & { servername?: string | false | null }).servername ?? null,
        resumed: socket.isSessionReused(),
        client: leaf?.subjectaltname,
        serial: leaf?.serialNumber?.toLowerCase(),
        received: '',
      };
      seen.push(connection);
      socket.on('data', (chunk) => {
        connection.received += String(chunk);
      });
      answerRequests(socket, () => 'peer=unknown\n');
    },
  );
  server.on('tlsClientError', () => {});
  const port = await listen(server);
  const stolen = async (): Promise<string> => {
    await new Promise((resolve) => server.close(resolve));
    return seen.map(({ received }) => received).join('');
  };
  return { server, seen, port, stolen };
}

/** What the clients below send: nothing of it may reach an attacker. */
export const SECRET = 'a-secret-of-the-application';

/** Every way to be a client. Each sends {@link SECRET}, and resolves with the answer. */
export const CLIENTS: Readonly<
  Record<string, (source: X509Source, authorize: Authorizer, target: ClientTarget) => Promise<string>>
> = {
  connectTls: async (source, authorize, { port, host = '127.0.0.1', minVersion }) =>
    exchange(await connectTls(source, { authorize, host, port, ...floor(minVersion) })),
  createHttpsAgent: async (source, authorize, { port, host = '127.0.0.1', minVersion }) => {
    const agent = createHttpsAgent(source, { authorize, keepAlive: false, ...floor(minVersion) });
    closing(agent, () => agent.destroy());
    return get({ agent, host, port });
  },
  'tlsClientOptions with tls.connect': async (source, authorize, { port, host = '127.0.0.1', minVersion }) =>
    exchange(connect({ host, port, ...tlsClientOptions(source, { authorize, ...floor(minVersion) }) })),
  'tlsClientOptions with https.request': async (
    source,
    authorize,
    { port, host = '127.0.0.1', minVersion },
  ) => get({ host, port, agent: false, ...tlsClientOptions(source, { authorize, ...floor(minVersion) }) }),
};

/** Where a client of {@link CLIENTS} goes. */
export interface ClientTarget {
  readonly port: number;
  readonly host?: string;
  readonly minVersion?: 'TLSv1.2';
}

function floor(minVersion: 'TLSv1.2' | undefined): { readonly minVersion?: 'TLSv1.2' } {
  return minVersion === undefined ? {} : { minVersion };
}

/** Sends {@link SECRET} over `socket` and gives the whole answer. */
export function exchange(socket: TLSSocket): Promise<string> {
  closing(socket, () => socket.destroy());
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('error', (error) => {
      socket.destroy();
      reject(error);
    });
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('close', () => (text === '' ? reject(new Error('closed without an answer')) : resolve(text)));
    socket.write(`GET /${SECRET} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  });
}

/** Waits for a failure, and gives it. */
export async function expectFailure(promise: Promise<unknown> | undefined): Promise<Error> {
  const outcome: unknown = await promise?.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new TypeError(`want a failure, got ${JSON.stringify(outcome)}`);
}

/** One HTTPS request for {@link SECRET}; gives the body. */
export function get(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ path: `/${SECRET}`, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
    request.end();
  });
}
