import { type Clock, SpiffeError, systemClock } from '@svidkit/core';

import { atLeast, type WorkloadApiClientOptions } from './client-options.ts';
import { createWorkloadApiClient } from './create-workload-api-client.ts';
import { type PickSvid, svidPicker, type SvidPicker } from './pick-svid.ts';
import { type WorkloadApiClient } from './workload-api-client.ts';

/** What a source needs of a client: also a workload of a broker has it. */
export type X509SourceClient = Pick<WorkloadApiClient, 'address' | 'closed' | 'watchX509Context' | 'close'>;

/** What {@link openWorkloadApiX509Source} takes. Everything may be left out. */
export interface WorkloadApiX509SourceOptions extends WorkloadApiClientOptions {
  /** A client to use, in place of one by the other options; closing the source leaves it open. */
  readonly client?: X509SourceClient;
  /** Which identity to use where there are several. Default: the first. */
  readonly pick?: PickSvid;
  /** Milliseconds to wait for the first identity. 0 lets the first answer decide. @default 30000 */
  readonly wait?: number;
  /**
   * Whether the identity stays in use until it expires when the Workload API says that this process has none any
   * more. By default it is dropped at once, as the standard asks. @default false
   */
  readonly keepUntilExpiry?: boolean;
  /** The health from which on `health().ready` is false. @default 'critical' */
  readonly unreadyAt?: 'overdue' | 'critical' | 'expired';
  /** Ends the opening; the promise is then rejected with its reason. No effect on an open source. */
  readonly signal?: AbortSignal;
}

/** {@link WorkloadApiX509SourceOptions}, checked and complete. */
export interface X509SourceSettings {
  readonly client: X509SourceClient;
  readonly ownsClient: boolean;
  readonly picker: SvidPicker;
  readonly waitMs: number;
  readonly keepUntilExpiry: boolean;
  readonly unreadyAt: 'overdue' | 'critical' | 'expired';
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

const UNREADY_AT = ['overdue', 'critical', 'expired'] as const;

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function x509SourceSettings(options: WorkloadApiX509SourceOptions): X509SourceSettings {
  const {
    pick,
    wait = 30_000,
    keepUntilExpiry = false,
    unreadyAt = 'critical',
    clock = systemClock,
  } = options;
  if (typeof keepUntilExpiry !== 'boolean') throw badOption('keepUntilExpiry', 'a boolean', keepUntilExpiry);
  if (!UNREADY_AT.includes(unreadyAt)) throw badOption('unreadyAt', UNREADY_AT.join(', '), unreadyAt);
  return {
    picker: svidPicker(pick),
    waitMs: atLeast('wait', wait, 0),
    keepUntilExpiry,
    unreadyAt,
    signal: options.signal,
    clock,
    ownsClient: options.client === undefined,
    client: options.client ?? createWorkloadApiClient(options),
  };
}

function badOption(option: string, want: string, got: unknown): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `want ${want} as option ${option}, got ${String(got)}`, {
    hint: 'See the documentation of the option for what it takes.',
  });
}
