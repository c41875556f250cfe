import { type Server } from 'node:net';

import { type DrainSummary } from '@svidkit/tls';

/** How to end. */
export interface ShutdownOptions {
  /**
   * The servers to end; any `net.Server` will do. Default: those that this identity created or secured and that
   * listen.
   */
  readonly servers?: readonly Server[];
  /** Milliseconds that connections have to end by themselves; what is left is destroyed. @default 10000 */
  readonly deadlineMs?: number;
}

/** How an ending went. */
export type ShutdownSummary = DrainSummary;
