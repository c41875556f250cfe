import { type SpiffeBundle, type SpiffeError, type TrustDomain } from '@svidkit/core';

/** How the bundle of another trust domain fares. */
export interface FederatedBundleHealth {
  /** When the endpoint last gave a bundle that is in use, in milliseconds since the Unix epoch; undefined: never. */
  readonly confirmedAt: number | undefined;
  /** When it will be asked again; undefined: it is being asked now, or never again. */
  readonly nextFetchAt: number | undefined;
  /** Why the latest fetch did not succeed; undefined: it did. */
  readonly lastError: SpiffeError | undefined;
  /** What is wrong, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/** The bundle of another trust domain, which follows its endpoint. */
export interface FederatedBundle extends AsyncDisposable {
  /** Whose bundle it is. */
  readonly trustDomain: TrustDomain;
  /** The latest good bundle; undefined before the first one, when it became too old, and after the end. */
  readonly current: SpiffeBundle | undefined;
  /**
   * Calls `listener` after each change of its authorities: with the new bundle, or with `undefined` when there is none any
   * more. A listener that throws is isolated. Dispose to stop.
   */
  onUpdate(listener: (bundle: SpiffeBundle | undefined) => void): Disposable;
  /** Aborts when it is closed. */
  readonly closed: AbortSignal;
  /** How it fares now. */
  health(): FederatedBundleHealth;
  /**
   * Asks the endpoint now, or takes part in a fetch that is on its way.
   *
   * @throws {@link SpiffeError} `ERR_FEDERATION_*`, `ERR_BUNDLE_INVALID`; `ERR_SOURCE_CLOSED`.
   */
  refresh(): Promise<SpiffeBundle>;
  /**
   * Ends the federation: forgets the bundle, also the stored one, and asks no more. Whoever uses it is told, so that
   * peers of the trust domain are not believed any longer (Federation 6.3). Idempotent.
   */
  terminate(): Promise<void>;
  /** Asks no more and lets go of the bundle; the stored one is kept for the next start. Idempotent. */
  close(): Promise<void>;
}
