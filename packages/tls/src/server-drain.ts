import { ServerResponse } from 'node:http';
import { type Http2Session } from 'node:http2';
import { type Server } from 'node:net';
import { type Duplex } from 'node:stream';

/** What HTTP servers have beyond `net.Server`. */
interface HttpServer extends Server {
  closeIdleConnections(): void;
  closeAllConnections(): void;
}

/**
 * Follows the connections and responses of one server, so that it can end without cutting one off. Follow a server
 * from its creation: what came before is seen only as far as Node itself can tell.
 */
export class ServerDrain {
  readonly #server: Server;
  readonly #connections: () => Iterable<Duplex>;
  readonly #sessions = new Set<Http2Session>();
  readonly #responses = new Set<ServerResponse>();
  /** One listener for all responses, as there is one on each. */
  readonly #closed: (this: ServerResponse) => void;
  #draining: Promise<void> | undefined;

  /** @param connections - the live ones, from whoever knows them already. Default: followed here. */
  constructor(server: Server, connections: () => Iterable<Duplex> = followConnections(server)) {
    this.#server = server;
    this.#connections = connections;
    const [responses, goOn] = [this.#responses, (): void => this.#closeIdle()];
    this.#closed = function forget() {
      responses.delete(this);
      goOn();
    };
    server.on('session', (session: Http2Session) => follow(this.#sessions, session));
    onceListenedTo(server, 'request', () => {
      // In front: a listener of the application may answer within the event.
      server.prependListener('request', (_request: unknown, response: unknown) => this.#respond(response));
    });
  }

  /**
   * Stops accepting, closes idle connections, and lets each other one end with its last response. HTTP/2 sessions are
   * told to go away. A plain TLS connection has no idle moment: its application ends it.
   *
   * @returns resolves when no connection is left. Idempotent.
   */
  begin(): Promise<void> {
    this.#draining ??= new Promise((resolve) => {
      this.#spareUnsentResponses();
      // An error means that it does not listen: then there is nothing to wait for.
      this.#server.close(() => resolve());
      // Node.js 24 does that by itself.
      for (const session of this.#sessions) session.close();
      for (const response of this.#responses) makeLast(response);
    });
    return this.#draining;
  }

  /** Ends every connection now. Returns how many there were. */
  destroy(): number {
    const living = [...this.#connections()].filter((connection) => !connection.destroyed);
    for (const session of this.#sessions) session.destroy();
    for (const connection of living) connection.destroy();
    // Connections from before we followed; those that became something else than HTTP stay out of reach.
    if (isHttp(this.#server)) this.#server.closeAllConnections();
    return living.length;
  }

  #respond(response: unknown): void {
    // Responses of HTTP/2 end with their session.
    if (!isResponse(response)) return;
    if (this.#draining !== undefined) makeLast(response);
    this.#responses.add(response);
    response.on('close', this.#closed);
  }

  /** While it ends: connections whose last response is over. */
  #closeIdle(): void {
    if (this.#draining !== undefined && isHttp(this.#server)) this.#server.closeIdleConnections();
  }

  /**
   * `http.Server.close` takes a connection for idle once its response has ended, although the bytes may still be on
   * their way to a slow client, and cuts it off. Idle connections are closed when no response is in that state.
   */
  #spareUnsentResponses(): void {
    const server = this.#server;
    if (!isHttp(server)) return;
    const closeIdle = server.closeIdleConnections.bind(server);
    server.closeIdleConnections = () => {
      if (![...this.#responses].some((response) => response.writableEnded)) closeIdle();
    };
  }
}

/** A listener of ours alone would change a server: one for requests turns HTTP/2 streams into requests. */
function onceListenedTo(server: Server, event: string, listen: () => void): void {
  if (server.listenerCount(event) > 0) return listen();
  const onNew = (added: string): void => {
    if (added !== event) return;
    server.off('newListener', onNew);
    listen();
  };
  server.on('newListener', onNew);
}

function followConnections(server: Server): () => Iterable<Duplex> {
  const connections = new Set<Duplex>();
  server.on('connection', (connection: Duplex) => follow(connections, connection));
  return () => connections;
}

function follow<T extends Duplex | Http2Session>(set: Set<T>, item: T): void {
  set.add(item);
  item.once('close', () => set.delete(item));
}

function makeLast(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}

function isHttp(server: Server): server is HttpServer {
  return 'closeIdleConnections' in server && 'closeAllConnections' in server;
}

function isResponse(value: unknown): value is ServerResponse {
  return value instanceof ServerResponse;
}
