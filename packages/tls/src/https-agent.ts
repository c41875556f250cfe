import { Agent, type AgentOptions, type RequestOptions } from 'node:https';
import { type Duplex } from 'node:stream';
import { type TLSSocket } from 'node:tls';

import { type Target } from './attempt-connection.ts';
import { type TargetClientOptions } from './client-options.ts';
import { type Connection } from './connection-table.ts';
import { SourceConnector } from './connector.ts';
import { type IdentityInput } from './identity.ts';

/** Options of {@link createHttpsAgent}. */
export interface HttpsAgentOptions extends TargetClientOptions {
  /** Keeps connections for further requests. @default true */
  readonly keepAlive?: boolean;
  /** Connections per host at once. @default Infinity */
  readonly maxSockets?: number;
  /** Idle connections per host. @default 256 */
  readonly maxFreeSockets?: number;
  /** Connections at once in all. @default Infinity */
  readonly maxTotalSockets?: number;
  /** Milliseconds after which an idle socket is closed; as in node:http. */
  readonly timeout?: number;
  /** Which idle connection to take first. @default 'lifo' */
  readonly scheduling?: 'fifo' | 'lifo';
}

/** An `https.Agent` whose connections follow the source's identity. */
export interface HttpsAgent extends Agent, Disposable {
  /** Closes idle connections, lets go of the source; requests in flight finish. */
  close(): void;
}

/**
 * An agent for `https.request`, axios, got, node-fetch and whatever else takes one. Each connection is verified and
 * authorised before a request can use it; after a rotation new requests use new connections, old ones finish their
 * request and close.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createHttpsAgent(source: IdentityInput, options: HttpsAgentOptions): HttpsAgent {
  return new RotatingAgent(source, options);
}

/** Marks a request's options with its pool: node:http asks for the name again when the socket is free or gone. */
const POOL: unique symbol = Symbol('svidkit.pool');

interface Stamped {
  [POOL]?: Pool;
}

/** The pool of one request. */
interface Pool {
  /** Of its credential and authorizer. */
  readonly id: string;
  /** The host that was dialled: node:http takes the server name from the `Host` header, which may come from anywhere. */
  readonly dialled: string | undefined;
  /** Made once: node:http asks three times for each request. */
  name: string | undefined;
}

interface RequestTaker {
  addRequest(...args: unknown[]): void;
}

/** Numbers objects, so that names of pools can be made of them. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

function numberOf(thing: object): number {
  let number = numbers.get(thing);
  if (number === undefined) {
    number = ++lastNumber;
    numbers.set(thing, number);
  }
  return number;
}

class RotatingAgent extends Agent implements HttpsAgent {
  readonly #connector: SourceConnector;

  constructor(source: IdentityInput, options: HttpsAgentOptions) {
    const { keepAlive = true, maxSockets, maxFreeSockets, maxTotalSockets, timeout, scheduling } = options;
    super({
      // Sessions are never resumed: a resumed one skips every check.
      maxCachedSessions: 0,
      keepAlive,
      ...defined({ maxSockets, maxFreeSockets, maxTotalSockets, timeout, scheduling }),
    });
    this.#connector = new SourceConnector(source, options, (connection) => this.#retire(connection));
    // Before node:http gives it to a waiting request, which it does without asking `keepSocketAlive`.
    this.prependListener('free', (socket: Duplex, request: RequestOptions) => {
      if (!this.#mayServe(socket, request)) socket.destroy();
    });
  }

  /**
   * Takes a request, as node:http hands it over (not in its types). The mark goes on the copy that node:http makes of
   * the request's options and the agent's: on the caller's object it would follow into requests to elsewhere that are
   * derived from it, and on the agent's for longer it would follow into queued requests of older pools.
   */
  addRequest(...request: unknown[]): void {
    // Nothing that has ended meanwhile may be picked for a new request, however late the timers are.
    this.#connector.table.sweep();
    const options = this.options as AgentOptions & Stamped;
    const asked = request[1] as RequestOptions;
    const { servername, host } = asked;
    options[POOL] = { id: this.#poolOf(asked), dialled: servername || host || undefined, name: undefined };
    try {
      (Agent.prototype as unknown as RequestTaker).addRequest.apply(this, request);
    } finally {
      delete options[POOL];
    }
  }

  override getName(options: RequestOptions & Stamped = {}): string {
    const pool = options[POOL];
    if (pool === undefined) return `${super.getName(options)}:${this.#poolOf(options)}`;
    return (pool.name ??= `${super.getName(options)}:${pool.id}`);
  }

  override createConnection(
    options: RequestOptions & Stamped,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const target: Target = {
      ...(options as Target),
      ALPNProtocols: ['http/1.1'],
      legacyHost: options[POOL]?.dialled,
    };
    this.#connector.connect(target, (error, connected) => {
      callback?.(error, connected?.socket as never);
    });
    return undefined;
  }

  close(): void {
    this.#connector.close();
  }

  override destroy(): void {
    this.#connector.destroy();
    super.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Whether a connection whose request has finished may take another one. */
  #mayServe(socket: Duplex, request: RequestOptions & Stamped): boolean {
    const connection = this.#connector.table.get(socket as TLSSocket);
    if (connection === undefined || connection.retired !== undefined) return false;
    // A queue of an older pool is served to its end; once it is empty nobody would ever ask that pool again.
    return request[POOL]?.id === this.#poolOf(request) || this.requests[this.getName(request)] !== undefined;
  }

  #retire({ socket }: Connection): void {
    for (const [name, free = []] of Object.entries(this.freeSockets)) {
      const index = free.indexOf(socket);
      if (index < 0) continue;
      // Out of the pool in this turn: node:http picks from it without looking whether a socket was destroyed.
      free.splice(index, 1);
      if (free.length === 0) Reflect.deleteProperty(this.freeSockets, name);
      socket.destroy();
    }
  }

  /** Of one generation and one authorizer, so that no request rides on what was let in for another. */
  #poolOf(options: RequestOptions): string {
    try {
      const authorizer = this.#connector.authorizerAt(options as Target);
      return `${numberOf(this.#connector.current)}:${numberOf(authorizer)}`;
    } catch {
      return '0'; // Connecting will say what is wrong.
    }
  }
}

function defined(options: AgentOptions): AgentOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
