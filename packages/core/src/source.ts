import { type BundleSet } from './bundle-set.ts';
import { type SpiffeError } from './errors.ts';
import { type X509Svid } from './x509-svid.ts';

/**
 * The unit that moves: one generation of an identity, whole and frozen. Read `source.current` once and use what
 * it gave; parts of two generations are never combined. Key caches by the object, never by `generation`, which
 * two sources can share.
 */
export interface X509Context {
  /** Counts the generations of one source, from 1. */
  readonly generation: number;
  /** Our own identity: chain and private key. */
  readonly svid: X509Svid;
  /** The authorities of every trust domain we know, each for itself. */
  readonly bundles: BundleSet;
  /** When it was loaded, in milliseconds since the Unix epoch. */
  readonly loadedAt: number;
}

/**
 * How a source fares, from best to worst: `fresh`; `overdue` (renewal should have come); `critical` (less than
 * a tenth of the lifetime is left); `expired` (nothing to present, or closed, or never loaded).
 */
export type HealthStatus = 'fresh' | 'overdue' | 'critical' | 'expired';

/** The health of a source at one moment. */
export interface SourceHealth {
  readonly status: HealthStatus;
  /** Whether a readiness probe should succeed: `fresh` or `overdue`. */
  readonly ready: boolean;
  /** The generation in use; 0 before the first and after the last. */
  readonly generation: number;
  /** When the SVID in use expires, in milliseconds since the Unix epoch; undefined when there is none. */
  readonly notAfter: number | undefined;
  /** The latest failure since the last success, if any. */
  readonly lastError: SpiffeError | undefined;
  /** What is wrong and what to do, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * Where an identity comes from. TLS code takes a source and never knows whether files, a socket or a test are
 * behind it.
 */
export interface X509Source extends AsyncDisposable {
  /**
   * The generation to use now.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_CLOSED`, `ERR_SOURCE_EXPIRED` (an expired SVID is never handed out),
   * `ERR_SOURCE_EMPTY` (withdrawn by its issuer).
   */
  readonly current: X509Context;
  /**
   * Calls `listener` after each change of `current`: with the new generation, or with `undefined` when nothing is
   * left to use (expired, withdrawn, closed). Called synchronously after the swap, in order; a listener that
   * throws is isolated. Not called for what is current already. Dispose to stop.
   */
  onUpdate(listener: (context: X509Context | undefined) => void): Disposable;
  /** Aborts when the source is closed. */
  readonly closed: AbortSignal;
  /** How it fares now. Cheap. */
  health(): SourceHealth;
  /** Releases watchers, timers and the identity. Idempotent. */
  close(): Promise<void>;
}
