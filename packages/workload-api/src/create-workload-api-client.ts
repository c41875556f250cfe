import { SpiffeError } from '@svidkit/core';

import { clientSettings, type WorkloadApiClientOptions } from './client-options.ts';
import { fetchFirst } from './fetch-first.ts';
import { SpiffeWorkloadAPI } from './gen/workload_pb.ts';
import { encodeMessage } from './protocol/message-bytes.ts';
import { type WorkloadApiMethod } from './protocol/methods.ts';
import { X509Reader } from './read-x509.ts';
import { watch, type Watcher } from './watch.ts';
import { type CallOptions, type WorkloadApiClient } from './workload-api-client.ts';

const METHODS = SpiffeWorkloadAPI.method;
const X509_SVIDS = 'the X.509-SVIDs of this process';
const X509_BUNDLES = 'X.509 bundles';

/**
 * Makes a client of the Workload API. Connects when something is asked for.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION`.
 */
export function createWorkloadApiClient(options: WorkloadApiClientOptions = {}): WorkloadApiClient {
  const { address, timeoutMs, makeBackoff, maxMessageBytes, clock } = clientSettings(options);
  const closing = new AbortController();
  const common = { address, maxMessageBytes, clock };
  const signalsOf = ({ signal }: CallOptions): AbortSignal[] =>
    signal === undefined ? [closing.signal] : [closing.signal, signal];

  const fetchOne = async <T>(
    method: WorkloadApiMethod,
    what: string,
    read: (bytes: Uint8Array) => T,
    request: Uint8Array,
    callOptions: CallOptions,
  ): Promise<T> =>
    fetchFirst({ ...common, method, what, read, request, timeoutMs, signals: signalsOf(callOptions) });

  const follow = async <T>(
    method: WorkloadApiMethod,
    what: string,
    read: (bytes: Uint8Array) => T,
    watcher: Watcher<T>,
    callOptions: CallOptions,
  ): Promise<void> => {
    closing.signal.throwIfAborted();
    const signal = AbortSignal.any(signalsOf(callOptions));
    const request = encodeMessage(method.input, {});
    return watch({ ...common, method, what, read, request, signal, watcher, backoff: makeBackoff() });
  };

  const fetchX509Context: WorkloadApiClient['fetchX509Context'] = async (callOptions = {}) => {
    const reader = new X509Reader();
    const request = encodeMessage(METHODS.fetchX509SVID.input, {});
    const read = (bytes: Uint8Array) => reader.readContext(bytes);
    return fetchOne(METHODS.fetchX509SVID, X509_SVIDS, read, request, callOptions);
  };

  const close = async (): Promise<void> => {
    if (closing.signal.aborted) return;
    closing.abort(new SpiffeError('ERR_WORKLOAD_API_CLOSED', 'the client of the Workload API is closed'));
  };

  return Object.freeze<WorkloadApiClient>({
    address: address.text,
    closed: closing.signal,
    fetchX509Context,
    fetchX509Svids: async (callOptions) => (await fetchX509Context(callOptions)).svids,
    async fetchX509Svid(callOptions) {
      const [svid] = (await fetchX509Context(callOptions)).svids;
      if (svid === undefined) throw new Error('a context has at least one SVID');
      return svid;
    },
    async fetchX509Bundles(callOptions = {}) {
      const reader = new X509Reader();
      const request = encodeMessage(METHODS.fetchX509Bundles.input, {});
      const read = (bytes: Uint8Array) => reader.readBundles(bytes);
      return fetchOne(METHODS.fetchX509Bundles, X509_BUNDLES, read, request, callOptions);
    },
    async watchX509Context(watcher, callOptions = {}) {
      const reader = new X509Reader();
      const read = (bytes: Uint8Array) => reader.readContext(bytes);
      return follow(METHODS.fetchX509SVID, X509_SVIDS, read, watcher, callOptions);
    },
    async watchX509Bundles(watcher, callOptions = {}) {
      const reader = new X509Reader();
      const read = (bytes: Uint8Array) => reader.readBundles(bytes);
      return follow(METHODS.fetchX509Bundles, X509_BUNDLES, read, watcher, callOptions);
    },
    close,
    [Symbol.asyncDispose]: close,
  });
}
