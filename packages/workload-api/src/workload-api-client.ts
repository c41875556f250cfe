import { type X509Svid } from '@svidkit/core';
import { type JwtBundleSet, type JwtSvid, type JwtSvidRequest } from '@svidkit/core/jwt';

import { type RemoteValidation, type WorkloadJwtSvid } from './read-jwt.ts';
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
  /**
   * A JWT-SVID of this process for `audience`; the default one, unless `subject` says which. Asks each time: a source
   * keeps tokens.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without an audience; `ERR_WORKLOAD_API_*`, `ERR_JWT_*`, `ERR_ID_*`;
   * `signal.reason`.
   */
  fetchJwtSvid(request: JwtSvidRequest): Promise<JwtSvid>;
  /**
   * A JWT-SVID for each identity of this process, the default one first, or for `subject` alone.
   *
   * @throws as `fetchJwtSvid`.
   */
  fetchJwtSvids(request: JwtSvidRequest): Promise<readonly WorkloadJwtSvid[]>;
  /**
   * The JWT authorities that this process should trust.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_*`, `ERR_BUNDLE_INVALID`, `ERR_ID_*`; `signal.reason`.
   */
  fetchJwtBundles(options?: CallOptions): Promise<JwtBundleSet>;
  /**
   * Follows what `fetchJwtBundles` gives.
   *
   * @throws as `watchX509Context`.
   */
  watchJwtBundles(watcher: Watcher<JwtBundleSet>, options?: CallOptions): Promise<void>;
  /**
   * Lets the Workload API validate the token of a peer for one `audience`. To validate here, see `JwtSource`.
   *
   * @throws {@link SpiffeError} `ERR_WORKLOAD_API_REFUSED` (blame `peer`) for a token that it does not accept;
   * `ERR_CONFIG_OPTION` without an audience; `ERR_JWT_*` for what is no token; `ERR_WORKLOAD_API_*`; `signal.reason`.
   */
  validateJwtSvid(
    token: string,
    options: CallOptions & { readonly audience: string },
  ): Promise<RemoteValidation>;
  /** Ends all calls. Idempotent. */
  close(): Promise<void>;
}
