import { Server } from 'node:net';

import { type Clock, SpiffeError } from '@svidkit/core';

import { type ServerDrain } from './server-drain.ts';

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
export interface ShutdownSummary {
  /** How many servers were ended. */
  readonly servers: number;
  /** Whether every connection ended by itself. */
  readonly drained: boolean;
  /** How many connections were destroyed at the deadline. */
  readonly destroyedConnections: number;
  /** Milliseconds from the call to the end. */
  readonly tookMs: number;
}

/**
 * Checks options and fills in the deadline.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function parseShutdownOptions({ servers, deadlineMs = 10_000 }: ShutdownOptions): {
  readonly servers: readonly Server[] | undefined;
  readonly deadlineMs: number;
} {
  if (!Number.isFinite(deadlineMs) || deadlineMs < 0) {
    const problem = `want a number of at least 0 as option deadlineMs, got ${String(deadlineMs)}`;
    throw new SpiffeError('ERR_CONFIG_OPTION', problem);
  }
  if (servers !== undefined && !(Array.isArray(servers) && servers.every((one) => one instanceof Server))) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'want a list of servers of node:net as option servers', {
      hint: 'Frameworks have theirs inside: Fastify and others call it server.',
    });
  }
  return { servers, deadlineMs };
}

/** Ends servers: each connection by itself, or all that are left at the deadline. */
export async function drainServers(
  drains: readonly ServerDrain[],
  deadlineMs: number,
  clock: Clock,
): Promise<ShutdownSummary> {
  const begin = clock.now();
  let destroyedConnections = 0;
  let drained = true;
  await new Promise<void>((resolve) => {
    const deadline = clock.setTimer(() => {
      drained = false;
      for (const drain of drains) destroyedConnections += drain.destroy();
      // Connections that nobody could destroy would be waited for in vain: one turn for the others to be gone.
      setImmediate(resolve);
    }, deadlineMs);
    void Promise.all(drains.map((drain) => drain.begin())).then(() => {
      deadline.clear();
      return resolve();
    });
  });
  return { servers: drains.length, drained, destroyedConnections, tookMs: clock.now() - begin };
}
