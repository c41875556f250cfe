import { type ServerResponse } from 'node:http';
import { type Http2Session } from 'node:http2';
import { type TLSSocket } from 'node:tls';

import { type Clock, type Timer } from '@svidkit/core';

import { type Connection, type ConnectionTable } from './connection-table.ts';
import { registry } from './registry.ts';

/** Events of node:http and node:http2 that begin a request on a connection, and where their first argument has it. */
const REQUEST_EVENTS: ReadonlySet<string> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
  'upgrade',
  'connect',
  'stream',
]);

/** A request of HTTP/1, a request of the HTTP/2 compatibility API, or an HTTP/2 stream. */
interface RequestLike {
  readonly socket?: object | null;
  readonly session?: Http2Session;
  readonly stream?: { readonly session?: Http2Session };
  destroy(): unknown;
}

/**
 * The second layer: refuses requests on connections that the gate does not know or that have ended since, and lets
 * retired connections finish what they do.
 */
export class RequestGate {
  readonly #table: ConnectionTable;
  readonly #clock: Clock;
  readonly #sessions = new WeakMap<Http2Session, TLSSocket>();
  /** The HTTP/2 sessions on live connections. */
  readonly #sessionOf = new WeakMap<TLSSocket, SessionWork>();

  constructor(table: ConnectionTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Whether `event` begins a request. */
  handles(event: string): boolean {
    return REQUEST_EVENTS.has(event);
  }

  /** Notes that the HTTP/2 machinery made a session of a socket that was just admitted. */
  bind(session: Http2Session, socket: TLSSocket): void {
    this.#sessions.set(session, socket);
    this.#sessionOf.set(socket, new SessionWork(session, this.#clock));
    const admitted = registry().admitted.get(socket);
    if (admitted !== undefined) registry().admitted.set(session, admitted);
    const connection = this.#table.get(socket);
    if (connection?.retired !== undefined) this.release(connection);
  }

  /** Lets a request pass, or ends its connection. */
  begin(event: string, args: readonly unknown[], pass: () => boolean): boolean {
    const request = args[0] as RequestLike;
    const session = request.session ?? request.stream?.session;
    const socket = session === undefined ? (request.socket as TLSSocket) : this.#sessions.get(session);
    const connection = socket === undefined ? undefined : this.#table.get(socket);
    if (socket === undefined || connection === undefined || !this.#table.usable(connection)) {
      if (socket === undefined) request.destroy();
      else socket.destroy();
      return true;
    }
    if (session !== undefined) {
      if (event === 'stream') this.#sessionOf.get(socket)?.begin();
      return pass();
    }

    // Answers go out in order, so the last one tells whether any is left.
    const work = workOf(event, args[1]);
    connection.work = work;
    if (connection.retired !== undefined && work !== 'forever' && !work.headersSent) {
      work.setHeader('Connection', 'close');
    }
    return pass();
  }

  /**
   * Ends a retired connection without losing a request: HTTP/2 by GOAWAY, HTTP/1 by `Connection: close` on the next
   * response. A condemned one ends with what it does now; the deadline of the table ends what remains.
   */
  release({ socket, urgency, work }: Connection): void {
    const session = this.#sessionOf.get(socket);
    if (session !== undefined) {
      if (urgency === 'quiet') session.leaveWhenQuiet();
      else session.leave();
      return;
    }
    if (urgency !== 'condemned' || work === 'forever') return;
    if (work === undefined || work.closed) socket.destroy();
    else work.once('close', () => socket.destroy());
  }
}

/** How long nothing must have begun on an HTTP/2 session before it is told to go away. */
const QUIET_MS = 10_000;

/**
 * How one HTTP/2 session ends. Whatever a client sends while a GOAWAY is on its way to it is lost to it (Node.js has no
 * way to announce the end first, RFC 9113 6.8), so where there is time, a session leaves in a quiet moment. Streams that
 * are open do not matter: they finish after it.
 */
class SessionWork {
  readonly #session: Http2Session;
  readonly #clock: Clock;
  #leaving = false;
  #quiet: Timer | undefined;

  constructor(session: Http2Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    session.once('close', () => this.#quiet?.clear());
  }

  /** A stream began. */
  begin(): void {
    if (this.#leaving) this.#waitForQuiet();
  }

  /** Closes once nothing has been asked for a while. */
  leaveWhenQuiet(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#waitForQuiet();
  }

  /** Closes now: streams that have begun still finish. */
  leave(): void {
    this.#leaving = true;
    this.#session.close();
  }

  #waitForQuiet(): void {
    if (this.#session.closed) return;
    this.#quiet?.clear();
    this.#quiet = this.#clock.setTimer(() => this.#session.close(), QUIET_MS);
    this.#quiet.unref();
  }
}

/** An upgraded connection is busy until it closes. */
function workOf(event: string, second: unknown): ServerResponse | 'forever' {
  return event === 'upgrade' || event === 'connect' ? 'forever' : (second as ServerResponse);
}
