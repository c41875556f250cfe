import { type ServerResponse } from 'node:http';
import { type Http2Session } from 'node:http2';
import { type TLSSocket } from 'node:tls';

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
  readonly #sessions = new WeakMap<Http2Session, TLSSocket>();
  /** Requests in flight. */
  readonly #busy = new Map<TLSSocket, number>();
  /** The HTTP/2 sessions on live connections. */
  readonly #sessionOf = new WeakMap<TLSSocket, Http2Session>();

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /** Whether `event` begins a request. */
  handles(event: string): boolean {
    return REQUEST_EVENTS.has(event);
  }

  /** Notes that the HTTP/2 machinery made a session of a socket that was just admitted. */
  bind(session: Http2Session, socket: TLSSocket): void {
    this.#sessions.set(session, socket);
    this.#sessionOf.set(socket, session);
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
    if (session !== undefined) return pass();

    const response = responseOf(event, args[1]);
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1);
    // An upgraded connection stays busy until it closes.
    (response ?? socket).once('close', () => {
      const left = (this.#busy.get(socket) ?? 1) - 1;
      if (left > 0) {
        this.#busy.set(socket, left);
        return;
      }
      this.#busy.delete(socket);
      if (connection.condemned) socket.destroy();
    });
    if (connection.retired !== undefined && response?.headersSent === false)
      response.setHeader('Connection', 'close');
    return pass();
  }

  /**
   * Ends a retired connection without losing a request: HTTP/2 by GOAWAY, HTTP/1 by `Connection: close` on the next
   * response. A condemned one that is idle ends at once; the deadline of the table ends what remains.
   */
  release({ socket, condemned }: Connection): void {
    this.#sessionOf.get(socket)?.close();
    if (condemned && !this.#busy.has(socket) && !this.#sessionOf.has(socket)) socket.destroy();
  }
}

function responseOf(event: string, second: unknown): ServerResponse | undefined {
  return event === 'upgrade' || event === 'connect' ? undefined : (second as ServerResponse);
}
