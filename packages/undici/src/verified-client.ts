import { type TLSSocket } from 'node:tls';

import { type buildConnector, Client, type Dispatcher, errors } from 'undici';

import { GuardedHandler, type Line } from './guarded-handler.ts';

/** Opens a verified connection to the origin of a client. */
export type Connect = (
  options: buildConnector.Options,
  done: (error: Error | null, socket?: TLSSocket) => void,
) => void;

/** A client of undici that knows its connection, and lets the guard of each request know it. */
export class VerifiedClient extends Client {
  readonly #line: Line;

  private constructor(origin: URL, options: Client.Options, line: Line) {
    super(origin, options);
    this.#line = line;
    // Told before a request of the lost connection is taken up again.
    this.on(
      'disconnect',
      (_origin: URL, _targets: readonly Dispatcher[], error: Error) => (line.lost = error),
    );
  }

  static of(origin: URL, options: Client.Options, connect: Connect): VerifiedClient {
    const line: Line = { socket: undefined, lost: undefined };
    const connectLine: buildConnector.connector = (target, done) =>
      connect(target, (error, socket) => {
        line.socket = socket;
        if (socket === undefined) done(error ?? new errors.SocketError('closed'), null);
        else done(null, socket);
      });
    return new VerifiedClient(origin, { ...options, connect: connectLine }, line);
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (!(handler instanceof GuardedHandler))
      throw new errors.InvalidArgumentError('the request is not guarded');
    handler.goesOver(this.#line);
    return super.dispatch(options, handler);
  }
}
