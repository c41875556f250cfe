import { type IdentityInput } from '@svidkit/tls';
import { type Dispatcher } from 'undici';

import { type DispatcherOptions, parseDispatcherOptions } from './dispatcher-options.ts';
import { RotatingDispatcher } from './rotating-dispatcher.ts';

/** A dispatcher of undici whose connections follow the source's identity. */
export interface SpiffeDispatcher extends Dispatcher, AsyncDisposable {
  /** Whether it takes no more requests. */
  readonly closed: boolean;
  /** Whether it has ended. */
  readonly destroyed: boolean;
  /** Takes no more requests, and lets go of the source once those in flight are finished. Upgraded connections live on. */
  close(): Promise<void>;
  close(callback: () => void): void;
  /** Ends every request and every connection now, upgraded ones too. */
  destroy(error?: Error | null): Promise<void>;
  destroy(callback: () => void): void;
  destroy(error: Error | null, callback: () => void): void;
}

/**
 * A dispatcher for `undici.fetch`, `undici.request`, `WebSocket`, `EventSource` and all else that takes one. Each
 * connection is verified and authorised before a request can use it; after a rotation new requests use new connections,
 * old ones finish their requests and close. Only `https:` (and `wss:`) is spoken.
 *
 * Errors of requests: those of undici; `ERR_TARGET_UNKNOWN`, `ERR_PROXY_TUNNEL`, and those of `connectTls`. The `context`
 * that handlers and `undici.request` give leads to the connection: `peerOf(context)` tells who answers.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createDispatcher(source: IdentityInput, options: DispatcherOptions): SpiffeDispatcher {
  return new RotatingDispatcher(source, parseDispatcherOptions(options));
}
