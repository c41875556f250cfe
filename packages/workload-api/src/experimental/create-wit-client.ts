import { SpiffeId } from '@svidkit/core';

import { clientCalls } from '../calls.ts';
import { clientSettings, type WorkloadApiClientOptions } from '../client-options.ts';
import { SpiffeWorkloadAPI } from '../gen/workload_pb.ts';
import { encodeMessage } from '../protocol/message-bytes.ts';
import { type Watcher } from '../watch.ts';
import { type CallOptions } from '../workload-api-client.ts';
import { type WitBundleSet } from './wit-bundle-set.ts';
import { readWitBundles, readWitSvids } from './wit-bundles.ts';
import { type WitSvid } from './wit-svid.ts';

const { fetchWITSVID, fetchWITBundles } = SpiffeWorkloadAPI.method;

/** Options of calls for WIT-SVIDs. */
export interface WitCallOptions extends CallOptions {
  /** Which identity. Default: all of them. */
  readonly subject?: SpiffeId | string;
}

/**
 * The part of the Workload API that is about WIT-SVIDs.
 *
 * Experimental: The standard has it as incubating: it can change with every release.
 */
export interface WitClient extends AsyncDisposable {
  /**
   * The WIT-SVIDs of this process, the default one first.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_*` (`ERR_WORKLOAD_API_UNIMPLEMENTED` where the agent has none),
   * `ERR_ID_*`; `signal.reason`.
   */
  fetchWitSvids(options?: WitCallOptions): Promise<readonly WitSvid[]>;
  /** @throws as `fetchWitSvids`. */
  fetchWitBundles(options?: CallOptions): Promise<WitBundleSet>;
  /**
   * Follows what `fetchWitSvids` gives. Resolves when the signal aborts or the client closes.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_REFUSED`, `ERR_WORKLOAD_API_UNIMPLEMENTED`, `ERR_WORKLOAD_API_CLOSED`;
   * what the watcher throws.
   */
  watchWitSvids(watcher: Watcher<readonly WitSvid[]>, options?: WitCallOptions): Promise<void>;
  /** @throws as `watchWitSvids`. */
  watchWitBundles(watcher: Watcher<WitBundleSet>, options?: CallOptions): Promise<void>;
  /** Ends all calls. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes a client for WIT-SVIDs: those of this process, and the bundles for those of peers.
 *
 * Experimental.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION`.
 */
export function createWitClient(options: WorkloadApiClientOptions = {}): WitClient {
  const calls = clientCalls(clientSettings(options));
  const close = async (): Promise<void> => calls.close();
  return Object.freeze<WitClient>({
    fetchWitSvids: async (given = {}) => calls.fetch(svids(given), given),
    fetchWitBundles: async (given = {}) => calls.fetch(bundles, given),
    watchWitSvids: async (watcher, given = {}) => calls.follow(svids(given), watcher, given),
    watchWitBundles: async (watcher, given = {}) => calls.follow(bundles, watcher, given),
    close,
    [Symbol.asyncDispose]: close,
  });
}

const bundles = { method: fetchWITBundles, what: 'WIT bundles', read: readWitBundles };

function svids({ subject }: WitCallOptions) {
  return {
    method: fetchWITSVID,
    what: 'the WIT-SVIDs of this process',
    read: readWitSvids,
    request: encodeMessage(fetchWITSVID.input, {
      spiffeId: subject === undefined ? '' : SpiffeId.parse(String(subject)).toString(),
    }),
  };
}
