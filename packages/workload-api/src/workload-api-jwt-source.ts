import { type SpiffeError } from '@svidkit/core';
import { type JwtSource } from '@svidkit/core/jwt';

/** How a JWT source over the Workload API fares. */
export interface WorkloadApiJwtHealth {
  /** Whether there are bundles to validate with. */
  readonly ready: boolean;
  /** The latest failure since the last success of the stream of bundles, if any. */
  readonly lastError: SpiffeError | undefined;
  /** What is wrong and what to do, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/** A JWT source over the Workload API. It keeps the process alive until it is closed, as its stream does. */
export interface WorkloadApiJwtSource extends JwtSource {
  /** The address of the Workload API. */
  readonly address: string;
  /** How it fares now. Cheap. */
  health(): WorkloadApiJwtHealth;
}
