import { type X509Svid } from '@svidkit/core';

import { type WorkloadX509Bundles, type WorkloadX509Context } from './read-x509.ts';
import { type Watcher } from './watch.ts';

/** Options of a single fetch or of a watch. */
export interface CallOptions {
  /** Ends it. A fetch is then rejected with its reason; a watch ends without an error. */
  readonly signal?: AbortSignal;
}

/**
 * A client of the SPIFFE Workload API. A fetch asks once and repeats nothing; a watch follows until it is told to stop.
 * The methods need no `this`.
 */
export interface WorkloadApiClient extends AsyncDisposable {
  /** The address, as it was given. */
  readonly address: string;
  /** Aborts when the client is closed. */
  readonly closed: AbortSignal;
  /**
   * The default identity of this process.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_*`, `ERR_SVID_*`, `ERR_ID_*`, `ERR_BUNDLE_*`; `signal.reason`.
   */
  fetchX509Svid(options?: CallOptions): Promise<X509Svid>;
  /**
   * All identities of this process, the default one first.
   *
   * @throws as `fetchX509Svid`.
   */
  fetchX509Svids(options?: CallOptions): Promise<readonly X509Svid[]>;
  /**
   * All identities of this process, the bundles it should trust, and CRLs.
   *
   * @throws as `fetchX509Svid`.
   */
  fetchX509Context(options?: CallOptions): Promise<WorkloadX509Context>;
  /**
   * The bundles that this process should trust, also where it has no identity.
   *
   * @throws as `fetchX509Svid`.
   */
  fetchX509Bundles(options?: CallOptions): Promise<WorkloadX509Bundles>;
  /**
   * Follows what `fetchX509Context` gives. Resolves when the signal aborts or the client closes.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_REFUSED`, `ERR_WORKLOAD_API_UNIMPLEMENTED`,
   * `ERR_WORKLOAD_API_CLOSED`; what `onUpdate` or `onError` throws.
   */
  watchX509Context(watcher: Watcher<WorkloadX509Context>, options?: CallOptions): Promise<void>;
  /**
   * Follows what `fetchX509Bundles` gives.
   *
   * @throws as `watchX509Context`.
   */
  watchX509Bundles(watcher: Watcher<WorkloadX509Bundles>, options?: CallOptions): Promise<void>;
  /** Ends all calls. Idempotent. */
  close(): Promise<void>;
}
