import { type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';
import { type Peer, peerOf, type IdentityInput } from '@svidkit/tls';
import { Dispatcher, fetch as undiciFetch } from 'undici';

import { type SpiffeDispatcher } from './create-dispatcher.ts';
import { type DispatcherOptions, parseDispatcherOptions } from './dispatcher-options.ts';
import { RotatingDispatcher } from './rotating-dispatcher.ts';
import { undiciInput } from './undici-input.ts';

/** The `fetch` of undici, bound to the connections of one source. */
export interface BoundFetch extends AsyncDisposable {
  (...args: Parameters<typeof globalThis.fetch>): ReturnType<typeof globalThis.fetch>;
  /** What it sends by: for a `WebSocket`, an `EventSource` or `undici.request` over the same connections. */
  readonly dispatcher: SpiffeDispatcher;
  /** Takes no more requests, and lets go of the source once those in flight are finished. */
  close(): Promise<void>;
  /** Ends every request and every connection now. */
  destroy(): Promise<void>;
}

const connections = new WeakMap<object, TLSSocket>();

/**
 * A `fetch` whose connections are verified, authorised and follow the source's identity. It is the one of undici, never
 * the built-in one: that of Node.js 22 and 24 cannot use a dispatcher of undici 8.
 *
 * A request that fails rejects with a `TypeError` whose `cause` is the reason, for example a {@link SpiffeError} with
 * `ERR_PEER_UNAUTHORIZED`, `ERR_PEER_CLOSED_AFTER_HANDSHAKE` or (also for a redirect) `ERR_TARGET_UNKNOWN`. The option
 * `dispatcher` of a request is refused with `ERR_CONFIG_OPTION`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createFetch(source: IdentityInput, options: DispatcherOptions): BoundFetch {
  const dispatcher = new RotatingDispatcher(source, parseDispatcherOptions(options));
  const bound = async (...[input, init]: Parameters<BoundFetch>): Promise<Response> => {
    if (init !== undefined && 'dispatcher' in init && init.dispatcher !== undefined) {
      throw new SpiffeError('ERR_CONFIG_OPTION', 'the option dispatcher cannot be given', {
        hint: 'This fetch goes through the verified connections of its source, or not at all.',
      });
    }
    const one = new OneFetch(dispatcher);
    const [request, rest] = undiciInput(input, init);
    const response = await undiciFetch(request, { ...rest, dispatcher: one });
    if (one.socket !== undefined) connections.set(response, one.socket);
    return response as unknown as Response;
  };
  return Object.assign(bound, {
    dispatcher,
    close: () => dispatcher.close(),
    destroy: () => dispatcher.destroy(),
    [Symbol.asyncDispose]: () => dispatcher.close(),
  });
}

/**
 * Who answered a request of a {@link BoundFetch}; after redirects, who answered last.
 *
 * @param response - as `fetch` gave it, not a clone.
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED` when it came from elsewhere (a `data:` URL, another fetch),
 * `ERR_PEER_EXPIRED` when an SVID of the connection has expired since.
 */
export function peerOfResponse(response: object): Peer {
  return peerOf(connections.get(response));
}

/** Sends by the dispatcher of all, and notes the connection of its one fetch. */
class OneFetch extends Dispatcher {
  socket: TLSSocket | undefined;
  readonly #dispatcher: RotatingDispatcher;

  constructor(dispatcher: RotatingDispatcher) {
    super();
    this.#dispatcher = dispatcher;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#dispatcher.send({ options, handler, onSocket: (socket) => (this.socket = socket) });
  }
}
