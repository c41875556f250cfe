import { type Clock, SpiffeError, systemClock } from '@svidkit/core';

import { type Random } from './backoff.ts';
import { atLeast, type WorkloadApiClientOptions } from './client-options.ts';
import { createWorkloadApiClient } from './create-workload-api-client.ts';
import { type WorkloadApiClient } from './workload-api-client.ts';

/** What a source needs of a client: also a workload of a broker has it. */
export type JwtSourceClient = Pick<
  WorkloadApiClient,
  'address' | 'closed' | 'watchJwtBundles' | 'fetchJwtSvid' | 'close'
> &
  Partial<Pick<WorkloadApiClient, 'validateJwtSvid'>>;

/** What {@link openWorkloadApiJwtSource} takes. Everything may be left out. */
export interface WorkloadApiJwtSourceOptions extends WorkloadApiClientOptions {
  /** A client to use, in place of one by the other options; closing the source leaves it open. */
  readonly client?: JwtSourceClient;
  /** Milliseconds to wait for the first bundles; at least 1. @default 30000 */
  readonly wait?: number;
  /**
   * Whether bundles and tokens stay in use when the Workload API says that this process has no identity any more. By
   * default they are dropped at once, as the standard asks. @default false
   */
  readonly keepUntilExpiry?: boolean;
  /**
   * Who validates the tokens of peers: this process with its bundles, or the Workload API, which is asked for each token.
   * What does not need keys is judged here in any case. @default 'local'
   */
  readonly validate?: 'local' | 'remote';
  /** How many tokens are kept. @default 1000 */
  readonly maxTokens?: number;
  /** Ends the opening; the promise is then rejected with its reason. No effect on an open source. */
  readonly signal?: AbortSignal;
}

/** {@link WorkloadApiJwtSourceOptions}, checked and complete. */
export interface JwtSourceSettings {
  readonly client: JwtSourceClient;
  readonly ownsClient: boolean;
  readonly waitMs: number;
  readonly keepUntilExpiry: boolean;
  /** Asks the Workload API; undefined: this process validates. */
  readonly validateRemotely: WorkloadApiClient['validateJwtSvid'] | undefined;
  readonly maxTokens: number;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION`.
 */
export function jwtSourceSettings(options: WorkloadApiJwtSourceOptions): JwtSourceSettings {
  const { wait = 30_000, keepUntilExpiry = false, maxTokens = 1_000, clock = systemClock } = options;
  if (typeof keepUntilExpiry !== 'boolean') {
    throw new SpiffeError(
      'ERR_CONFIG_OPTION',
      `want a boolean as option keepUntilExpiry, got ${String(keepUntilExpiry)}`,
    );
  }
  const client = options.client ?? createWorkloadApiClient(options);
  return {
    waitMs: atLeast('wait', wait, 1),
    keepUntilExpiry,
    validateRemotely: remoteOf(options.validate, client),
    maxTokens: atLeast('maxTokens', maxTokens, 1),
    signal: options.signal,
    clock,
    random: options.random ?? Math.random,
    ownsClient: options.client === undefined,
    client,
  };
}

function remoteOf(
  validate: unknown = 'local',
  { validateJwtSvid }: JwtSourceClient,
): WorkloadApiClient['validateJwtSvid'] | undefined {
  if (validate === 'local') return undefined;
  if (validate === 'remote' && validateJwtSvid !== undefined) return validateJwtSvid;
  const got = validate === 'remote' ? 'remote with a client that validates nothing' : String(validate);
  throw new SpiffeError('ERR_CONFIG_OPTION', `want local or remote as option validate, got ${got}`, {
    hint: 'A broker validates no tokens: leave the option out for its workloads.',
  });
}
