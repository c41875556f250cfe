import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { type TLSSocket } from 'node:tls';

import { type Clock, SpiffeError, systemClock } from '@svidkit/core';

import { type Target } from './attempt-connection.ts';
import { type SecureClientOptions } from './client-options.ts';
import { SourceConnector } from './connector.ts';
import { type IdentityInput } from './identity.ts';
import { LeavableSession } from './leavable-session.ts';
import { registry } from './registry.ts';
import { checkCount } from './server-options.ts';

/** Options of {@link createHttp2Client}. */
export interface Http2ClientOptions extends SecureClientOptions {
  /** Where to connect to, if that is not the host and port of the origin. */
  readonly target?: Target;
  /** Options of `http2.connect` that are about HTTP/2 itself, for example `settings`. */
  readonly http2?: Pick<
    SecureClientSessionOptions,
    | 'settings'
    | 'peerMaxConcurrentStreams'
    | 'maxSessionMemory'
    | 'maxSendHeaderBlockLength'
    | 'paddingStrategy'
  >;
}

/** One HTTP/2 origin, over one session at a time that follows the source's identity. */
export interface Http2Client extends Disposable {
  /** Scheme, host and port, as `URL#origin` spells it. */
  readonly origin: string;
  /**
   * The session to use for a request now: opened when first needed, and replaced after a rotation, a GOAWAY or an end.
   * Streams on an older one finish, and it takes no others. Ask again for each request.
   *
   * @throws {@link SpiffeError} as `connectTls`; `ERR_PEER_PROTOCOL` when the server does not speak HTTP/2,
   * `ERR_PEER_CLOSED_AFTER_HANDSHAKE` when it turned us away; `ERR_SOURCE_CLOSED` after `close()`.
   */
  session(): Promise<ClientHttp2Session>;
  /**
   * Begins a request on {@link Http2Client.session}. Nothing is ever sent twice.
   *
   * @throws as {@link Http2Client.session}.
   */
  request(headers?: OutgoingHttpHeaders, options?: ClientSessionRequestOptions): Promise<ClientHttp2Stream>;
  /** Takes no more requests; streams in flight finish, then the session closes. */
  close(): void;
  /** Ends everything now. */
  destroy(): void;
}

/**
 * A client of one HTTP/2 origin. A session is handed out once its server is verified, authorised, and has sent its
 * settings, so that a server that turns us away does so before any request was sent.
 *
 * @param origin - `https://host` or `https://host:port`.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createHttp2Client(
  source: IdentityInput,
  origin: string | URL,
  options: Http2ClientOptions,
): Http2Client {
  return new RotatingHttp2Client(source, parseOrigin(origin), options);
}

interface Live {
  /** What we presented when it was opened. */
  readonly own: object;
  readonly leavable: LeavableSession;
  readonly socket: TLSSocket;
}

class RotatingHttp2Client implements Http2Client {
  readonly origin: string;
  readonly #connector: SourceConnector;
  readonly #target: Target;
  readonly #http2: Http2ClientOptions['http2'];
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #sessions = new Map<TLSSocket, LeavableSession>();
  #live: Live | undefined;
  #opening: { readonly own: object; readonly leavable: Promise<LeavableSession> } | undefined;
  #closed = false;

  constructor(source: IdentityInput, url: URL, options: Http2ClientOptions) {
    const { target, http2, ...rest } = options;
    this.origin = url.origin;
    this.#connector = new SourceConnector(source, rest, ({ socket, urgency }) =>
      this.#sessions.get(socket)?.leave(urgency === 'condemned'),
    );
    this.#target = target ?? { host: hostOf(url), port: Number(url.port || 443) };
    this.#http2 = http2;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = checkCount('handshakeTimeoutMs', options.handshakeTimeoutMs, 10_000, 1);
  }

  async session(): Promise<ClientHttp2Session> {
    const { session } = await this.#leavable();
    return session;
  }

  async request(
    headers?: OutgoingHttpHeaders,
    options?: ClientSessionRequestOptions,
  ): Promise<ClientHttp2Stream> {
    // In the turn in which it resolves nothing can have closed it, unless others waited for it too.
    let leavable = await this.#leavable();
    if (!leavable.usable) leavable = await this.#leavable();
    return leavable.session.request(headers, options);
  }

  close(): void {
    this.#closed = true;
    this.#connector.close();
  }

  destroy(): void {
    this.#closed = true;
    for (const { session } of this.#sessions.values()) session.destroy();
    this.#connector.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #leavable(): Promise<LeavableSession> {
    if (this.#closed) throw new SpiffeError('ERR_SOURCE_CLOSED', 'this HTTP/2 client is closed');
    const own = this.#connector.current;
    const live = this.#live;
    if (live?.own === own && live.leavable.usable && this.#connector.usable(live.socket))
      return live.leavable;
    if (this.#opening?.own !== own) this.#opening = { own, leavable: this.#open(own) };
    return this.#opening.leavable;
  }

  async #open(own: object): Promise<LeavableSession> {
    try {
      const socket = await this.#connect();
      const leavable = await this.#speak(socket);
      // Overtaken by a rotation, it serves those who waited for it, and nobody else.
      if (this.#opening?.own === own) this.#live = { own, leavable, socket };
      return leavable;
    } finally {
      if (this.#opening?.own === own) this.#opening = undefined;
    }
  }

  #connect(): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      this.#connector.connect(
        { ...this.#target, origin: this.origin, ALPNProtocols: ['h2'], requireAlpn: true },
        (error, connected) => (connected === undefined ? reject(error) : resolve(connected.socket)),
      );
    });
  }

  /** Makes the session, and waits for the first words of the server. */
  #speak(socket: TLSSocket): Promise<LeavableSession> {
    return new Promise((resolve, reject) => {
      const session = connectHttp2(this.origin, { ...this.#http2, createConnection: () => socket });
      const { admitted } = registry();
      const decision = admitted.get(socket);
      if (decision !== undefined) admitted.set(session, decision);
      const leavable = new LeavableSession(session);
      this.#sessions.set(socket, leavable);
      let reason: Error | undefined;
      const timer = this.#clock.setTimer(() => {
        const problem = `${this.origin} sent no HTTP/2 settings within ${this.#timeoutMs} ms`;
        session.destroy(new SpiffeError('ERR_PEER_HANDSHAKE_TIMEOUT', problem));
      }, this.#timeoutMs);
      // The streams of a session are told of its error; nobody else needs to listen.
      session.on('error', (error: Error) => (reason = error));
      session.once('remoteSettings', () => {
        timer.clear();
        resolve(leavable);
      });
      session.once('close', () => {
        timer.clear();
        this.#sessions.delete(socket);
        reject(reason ?? new SpiffeError('ERR_PEER_HANDSHAKE', `${this.origin} ended the HTTP/2 session`));
      });
      const connection = this.#connector.table.get(socket);
      if (connection?.retired !== undefined) leavable.leave(connection.urgency === 'condemned');
      else if (this.#closed) leavable.leave();
    });
  }
}

function parseOrigin(origin: string | URL): URL {
  try {
    const url = new URL(origin);
    if (url.protocol === 'https:' && url.href === `${url.origin}/`) return url;
  } catch {
    // Told below.
  }
  throw new SpiffeError('ERR_CONFIG_OPTION', `want an origin like https://host:port, got ${String(origin)}`);
}

function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}
