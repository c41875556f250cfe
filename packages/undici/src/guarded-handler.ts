import { type IncomingHttpHeaders } from 'node:http';
import { type Duplex } from 'node:stream';
import { type TLSSocket } from 'node:tls';

import { type Dispatcher, errors } from 'undici';

/** The one connection at a time that a client of undici has. */
export interface Line {
  /** The latest. */
  socket: TLSSocket | undefined;
  /** Why the one before it ended. */
  lost: Error | undefined;
}

/** A request, and who wants to know where it went. */
export interface Call {
  readonly options: Dispatcher.DispatchOptions;
  readonly handler: Dispatcher.DispatchHandler;
  /** Called with the connection right before the request is written to it; again should it go to another one. */
  readonly onSocket: ((socket: TLSSocket) => void) | undefined;
}

/** What decides over requests that are about to be written. */
export interface Owner {
  /** Whether a request may begin on this connection. */
  mayCarry(socket: TLSSocket): boolean;
  /** Sends a call by another connection. Nothing of it was sent yet. */
  resend(call: Call): void;
}

type Methods = readonly (keyof Dispatcher.DispatchHandler)[];

/** What a handler must have. */
const METHODS: Methods = [
  'onRequestStart',
  'onResponseError',
  'onResponseStart',
  'onResponseData',
  'onResponseEnd',
];
const UPGRADE_METHODS: Methods = ['onRequestStart', 'onResponseError', 'onRequestUpgrade'];

/** Thrown to have undici let go of a request before it writes a byte of it. */
class TurnedBack extends Error {
  override readonly name = 'TurnedBack';

  constructor() {
    super('the connection has ended; the request goes to another one');
  }
}

/**
 * Stands between undici and the handler of a request, and has the last word: undici calls `onRequestStart` in the same
 * turn in which it writes the request. There a request is kept off a connection that has ended, and from being
 * repeated.
 */
export class GuardedHandler implements Dispatcher.DispatchHandler {
  readonly #call: Call;
  readonly #owner: Owner;
  readonly #handler: Dispatcher.DispatchHandler;
  #line: Line | undefined;
  /** What it began on, and how the line had been lost then. */
  #over: TLSSocket | undefined;
  #lostBefore: Error | undefined;

  constructor(call: Call, owner: Owner) {
    checkHandler(call);
    this.#call = call;
    this.#handler = call.handler;
    this.#owner = owner;
  }

  /** Told by the client that takes the request. */
  goesOver(line: Line): void {
    this.#line = line;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: object | null): void {
    const line = this.#line;
    if (line?.socket === undefined) throw new errors.SocketError('not connected');
    this.#checkRepetition(line);
    if (!this.#owner.mayCarry(line.socket)) throw new TurnedBack();
    this.#over = line.socket;
    this.#lostBefore = line.lost;
    this.#call.onSocket?.(line.socket);
    this.#handler.onRequestStart?.(controller, { ...context, socket: line.socket });
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    // What it gives is not in the types, and is heeded.
    return this.#handler.onRequestUpgrade?.(controller, statusCode, headers, socket);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
    statusMessage?: string,
  ): void {
    this.#handler.onResponseStart?.(controller, statusCode, headers, statusMessage);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (error instanceof TurnedBack) this.#owner.resend(this.#call);
    else this.#handler.onResponseError?.(controller, error);
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }

  /**
   * undici sends a request again when it knows that the server did not begin it. For what is not idempotent it is taken
   * at its word over HTTP/2 only, and only where the server refused the stream or left without an error.
   */
  #checkRepetition({ lost }: Line): void {
    if (this.#over === undefined || isIdempotent(this.#call.options)) return;
    const refused = lost === this.#lostBefore;
    const isOrderly = refused || (lost !== undefined && 'code' in lost && lost.code === 'UND_ERR_INFO');
    if (this.#over.alpnProtocol === 'h2' && isOrderly) return;
    throw lost ?? new errors.SocketError('closed');
  }
}

/** As undici sees it. */
function isIdempotent({ method, idempotent }: Dispatcher.DispatchOptions): boolean {
  return idempotent ?? (method === 'GET' || method === 'HEAD' || method === 'QUERY');
}

/** undici sees our methods only, so what it would say about the handler is said here. */
function checkHandler({ options, handler }: Call): void {
  for (const name of options.upgrade || options.method === 'CONNECT' ? UPGRADE_METHODS : METHODS) {
    if (typeof handler[name] !== 'function') throw new errors.InvalidArgumentError(`invalid ${name} method`);
  }
}
