import { type SpiffeError } from '@svidkit/core';

import { type WatchMode } from './watch-hints.ts';

/** How a mounted file of policy fares. */
export interface PolicyFileHealth {
  /**
   * What is in use: `current`, what the file holds; `last-good`, what it held before it could not be used; the
   * `fallback`, because it never could; `closed`, the last of these, for ever.
   */
  readonly status: 'current' | 'last-good' | 'fallback' | 'closed';
  /** When what is in use was read, in milliseconds since the Unix epoch; undefined for the fallback. */
  readonly loadedAt: number | undefined;
  /** Why the file cannot be used now; undefined when it can. */
  readonly lastError: SpiffeError | undefined;
  /** What is wrong and what to do, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/** A mounted file of policy that is followed while it is replaced. What it holds is read from its other members. */
export interface MountedPolicyFile extends AsyncDisposable {
  /** Its path, absolute. */
  readonly file: string;
  /** Why the file cannot be used now; what it held last is then still in use. Undefined when it can. */
  readonly lastError: SpiffeError | undefined;
  /** Aborts when it is closed. */
  readonly closed: AbortSignal;
  /** How it fares now. Cheap. */
  health(): PolicyFileHealth;
  /** How changes are noticed now; `poll` also while the file system gives no events although they are wanted. */
  watchMode(): WatchMode;
  /**
   * Looks at the file now, without waiting for an event or the next poll. Resolves when a look that began after the
   * call is over, whatever it found; never rejects.
   */
  check(): Promise<void>;
  /** Ends watching. What was in use stays in use. Idempotent. */
  close(): Promise<void>;
}
