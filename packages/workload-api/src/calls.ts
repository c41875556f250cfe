import { SpiffeError } from '@svidkit/core';

import { type ClientSettings } from './client-options.ts';
import { fetchFirst, type FetchOptions } from './fetch-first.ts';
import { encodeMessage } from './protocol/message-bytes.ts';
import { type WorkloadApiMethod } from './protocol/methods.ts';
import { watch, type Watcher } from './watch.ts';
import { type CallOptions } from './workload-api-client.ts';

/** One call of a client, without what all have in common. */
export interface Call<T> extends Pick<FetchOptions<T>, 'what' | 'read' | 'secrets'> {
  readonly method: WorkloadApiMethod;
  /** Default: the empty message. */
  readonly request?: Uint8Array;
}

/** How a client makes its calls. */
export interface Calls {
  /** Aborts when they are closed. */
  readonly closed: AbortSignal;
  /** One message. */
  readonly fetch: <T>(call: Call<T>, options: CallOptions) => Promise<T>;
  /** Every message, until the end. */
  readonly follow: <T>(call: Call<T>, watcher: Watcher<T>, options: CallOptions) => Promise<void>;
  /** Ends all of them. Idempotent. */
  close(): void;
}

/** Makes calls by the settings of a client. */
export function clientCalls({
  endpoint,
  timeoutMs,
  makeBackoff,
  maxMessageBytes,
  clock,
}: ClientSettings): Calls {
  const closing = new AbortController();
  const signalsOf = ({ signal }: CallOptions): AbortSignal[] =>
    signal === undefined ? [closing.signal] : [closing.signal, signal];
  const common = { endpoint, maxMessageBytes, clock };
  return {
    closed: closing.signal,
    async fetch(call, options) {
      const { request = encodeMessage(call.method.input, {}) } = call;
      return fetchFirst({ ...common, ...call, request, timeoutMs, signals: signalsOf(options) });
    },
    async follow(call, watcher, options) {
      closing.signal.throwIfAborted();
      const { request = encodeMessage(call.method.input, {}) } = call;
      const signal = AbortSignal.any(signalsOf(options));
      return watch({ ...common, ...call, request, signal, watcher, backoff: makeBackoff() });
    },
    close() {
      if (closing.signal.aborted) return;
      closing.abort(new SpiffeError('ERR_WORKLOAD_API_CLOSED', `the client of ${endpoint.name} is closed`));
    },
  };
}
