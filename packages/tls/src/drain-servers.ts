import { Server } from 'node:net';
import { type Duplex } from 'node:stream';

import { type Clock, SpiffeError, systemClock } from '@svidkit/core';

import { ServerDrain } from './server-drain.ts';

/** How to end servers. */
export interface DrainOptions {
  /** Milliseconds that connections have to end by themselves; what is left is destroyed. @default 10000 */
  readonly deadlineMs?: number;
  /** Where time comes from. Default: this machine. */
  readonly clock?: Clock;
}

/** How an ending went. */
export interface DrainSummary {
  /** How many servers were ended. */
  readonly servers: number;
  /** Whether every connection ended by itself. */
  readonly drained: boolean;
  /** How many connections were destroyed at the deadline. */
  readonly destroyedConnections: number;
  /** Milliseconds from the call to the end. */
  readonly tookMs: number;
}

/** A server that can end in good order. */
export interface Drainable {
  /**
   * Accepts no more, closes idle connections, lets requests in flight finish, and destroys what is left at the deadline.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
   */
  drain(options?: DrainOptions): Promise<DrainSummary>;
}

const drains = new WeakMap<Server, ServerDrain>();

/**
 * Follows a server's connections from now on, so that none is cut off when it ends. Idempotent.
 *
 * @param connections - whoever knows the live ones already.
 */
export function followServer(server: Server, connections?: () => Iterable<Duplex>): ServerDrain {
  let drain = drains.get(server);
  if (drain === undefined) {
    drain = new ServerDrain(server, connections);
    drains.set(server, drain);
  }
  return drain;
}

/**
 * Ends servers together, as {@link Drainable.drain} ends one. Any `net.Server` will do; gated ones are known from their
 * creation, of others only what came since.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export async function drainServers(
  servers: readonly Server[],
  options: DrainOptions = {},
): Promise<DrainSummary> {
  const { deadlineMs = 10_000, clock = systemClock } = options;
  if (!Number.isFinite(deadlineMs) || deadlineMs < 0) {
    const problem = `want a number of at least 0 as option deadlineMs, got ${String(deadlineMs)}`;
    throw new SpiffeError('ERR_CONFIG_OPTION', problem);
  }
  if (!(Array.isArray(servers) && servers.every((one) => one instanceof Server))) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'want a list of servers of node:net as option servers', {
      hint: 'Frameworks have theirs inside: Fastify and others call it server.',
    });
  }
  const begin = clock.now();
  const chosen = [...new Set(servers)].map((server) => followServer(server));
  let destroyedConnections = 0;
  let drained = true;
  await new Promise<void>((resolve) => {
    const deadline = clock.setTimer(() => {
      drained = false;
      for (const drain of chosen) destroyedConnections += drain.destroy();
      // Connections that nobody could destroy would be waited for in vain: one turn for the others to be gone.
      setImmediate(resolve);
    }, deadlineMs);
    void Promise.all(chosen.map((drain) => drain.begin())).then(() => {
      deadline.clear();
      return resolve();
    });
  });
  return { servers: chosen.length, drained, destroyedConnections, tookMs: clock.now() - begin };
}
