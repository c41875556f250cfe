import { type Server } from '@grpc/grpc-js';
import { type Clock, SpiffeError, systemClock } from '@svidkit/core';

/** Options of {@link shutdownServer}. */
export interface ShutdownServerOptions {
  /** Milliseconds that calls in flight have to finish; what is left is ended. @default 10000 */
  readonly deadlineMs?: number;
  /** Where time comes from. Default: this machine. */
  readonly clock?: Clock;
}

/**
 * Ends a server: no more connections and calls; those in flight finish, or are ended at the deadline.
 *
 * @returns whether all calls finished by themselves.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export async function shutdownServer(server: Server, options: ShutdownServerOptions = {}): Promise<boolean> {
  const { deadlineMs = 10_000, clock = systemClock } = options;
  if (!Number.isFinite(deadlineMs) || deadlineMs < 0) {
    const problem = `want a number of at least 0 as option deadlineMs, got ${String(deadlineMs)}`;
    throw new SpiffeError('ERR_CONFIG_OPTION', problem);
  }
  let finished = true;
  await new Promise<void>((resolve) => {
    const deadline = clock.setTimer(() => {
      finished = false;
      server.forceShutdown();
    }, deadlineMs);
    server.tryShutdown(() => {
      deadline.clear();
      resolve();
    });
  });
  return finished;
}
