import { type Clock, SpiffeError, type SpiffeId, type X509Source, type X509Svid } from '@svidkit/core';
import { type JwtSource } from '@svidkit/core/jwt';

/** How to use the SPIFFE Workload API. Everything may be left out. */
export interface WorkloadApiOptions {
  /** `unix:///absolute/path` or `tcp://IP-address:port`. Default: `SPIFFE_ENDPOINT_SOCKET` of the environment. */
  readonly address?: string;
  /**
   * Which identity to use where there are several: by its hint, by its SPIFFE ID, or by a function. Default: that of
   * `expectedId`, else the first.
   */
  readonly pick?:
    | { readonly hint: string; readonly otherwise?: 'none' | 'first' }
    | { readonly id: SpiffeId | string }
    | ((svids: readonly X509Svid[]) => X509Svid | undefined);
  /** Whether an identity that the Workload API withdraws stays in use until it expires. @default false */
  readonly keepUntilExpiry?: boolean;
}

/** What the facade passes on beside {@link WorkloadApiOptions}. */
interface WorkloadApiSourceOptions extends WorkloadApiOptions {
  readonly wait?: number;
  readonly unreadyAt?: 'overdue' | 'critical' | 'expired';
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What the Workload API has for this process. */
interface WorkloadApiContext {
  readonly svids: readonly X509Svid[];
  readonly bundles: Iterable<{ readonly trustDomain: { readonly name: string } }>;
}

/** What the facade uses of `@svidkit/workload-api`, which is loaded only by those who ask for it. */
interface WorkloadApiPackage {
  readonly openWorkloadApiX509Source: (options: WorkloadApiSourceOptions) => Promise<X509Source>;
  readonly openWorkloadApiJwtSource: (
    options: Omit<WorkloadApiSourceOptions, 'pick' | 'unreadyAt'>,
  ) => Promise<JwtSource & { health(): { readonly ready: boolean; readonly problems: readonly string[] } }>;
  readonly createWorkloadApiClient: (options: {
    readonly timeoutMs: number;
    readonly env: Readonly<Record<string, string | undefined>>;
  }) => { fetchX509Context(): Promise<WorkloadApiContext>; close(): Promise<void> };
}

/**
 * Loads `@svidkit/workload-api`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_PACKAGE` when it is not installed.
 */
export async function loadWorkloadApi(): Promise<WorkloadApiPackage> {
  try {
    return await import('@svidkit/workload-api');
  } catch (cause) {
    throw new SpiffeError('ERR_CONFIG_PACKAGE', 'the Workload API needs the package @svidkit/workload-api', {
      cause,
      hint: 'Install it beside svidkit: npm install @svidkit/workload-api',
    });
  }
}
