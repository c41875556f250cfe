import { type Clock, SpiffeError, systemClock } from '@svidkit/core';

import { chooseAddress } from './address.ts';
import { Backoff, type BackoffOptions, type Random } from './backoff.ts';
import { type Endpoint } from './endpoint.ts';
import { workloadApiAt } from './workload-api-endpoint.ts';

/** What {@link createWorkloadApiClient} takes. Everything may be left out. */
export interface WorkloadApiClientOptions {
  /**
   * Where the Workload API listens: `unix:///absolute/path` or `tcp://IP-address:port`. Default:
   * `SPIFFE_ENDPOINT_SOCKET` of the environment.
   */
  readonly address?: string;
  /** Milliseconds that a single fetch may take; at least 1. Streams have no limit. @default 10000 */
  readonly timeoutMs?: number;
  /** The pauses of a watch between tries. */
  readonly backoff?: BackoffOptions;
  /** The largest message that is taken, in bytes. @default 16777216 */
  readonly maxMessageBytes?: number;
  /** Where time comes from. */
  readonly clock?: Clock;
  /** Spreads the pauses. @default Math.random */
  readonly random?: Random;
  /** Where `SPIFFE_ENDPOINT_SOCKET` is looked up. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** {@link WorkloadApiClientOptions}, checked and complete. */
export interface ClientSettings {
  readonly endpoint: Endpoint;
  readonly timeoutMs: number;
  readonly makeBackoff: () => Backoff;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION`.
 */
export function clientSettings(options: WorkloadApiClientOptions): ClientSettings {
  const { address, env = environment() } = options;
  return callSettings(workloadApiAt(chooseAddress(address, env)), options);
}

/** The environment of this process, read in this one place of the package. */
export function environment(): Readonly<Record<string, string | undefined>> {
  // oxlint-disable-next-line node/no-process-env
  return process.env;
}

/** How calls are made, whatever they go to: the options that all clients have in common, checked. */
export function callSettings(
  endpoint: Endpoint,
  options: Omit<WorkloadApiClientOptions, 'address' | 'env'>,
): ClientSettings {
  const { backoff = {}, random = Math.random, clock = systemClock } = options;
  const makeBackoff = (): Backoff => new Backoff(backoff, random);
  makeBackoff(); // Refuses bad options now, not at the first failure.
  return {
    endpoint,
    timeoutMs: atLeast('timeoutMs', options.timeoutMs ?? 10_000, 1),
    makeBackoff,
    maxMessageBytes: atLeast('maxMessageBytes', options.maxMessageBytes ?? 16 * 1024 * 1024, 1),
    clock,
  };
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. */
export function atLeast(option: string, value: unknown, least: number): number {
  if (typeof value === 'number' && value >= least && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `want a number of at least ${least} as option ${option}, got ${String(value)}`,
    { hint: 'See the documentation of the option for what it takes.' },
  );
}
