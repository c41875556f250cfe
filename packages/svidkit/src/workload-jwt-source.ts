import { type Clock, SpiffeError, type TrustDomain } from '@svidkit/core';
import { type JwtSource } from '@svidkit/core/jwt';
import { openMountedJwtSource } from '@svidkit/mount';

import { loadWorkloadApi, type WorkloadApiOptions } from './load-workload-api.ts';

/** Where tokens and the keys that prove them come from. */
export interface WorkloadJwtSourceOptions {
  /** What relative file names are relative to. Default: the working directory. */
  readonly directory?: string;
  /** Files with one token each, as spiffe-helper writes them. Default: none. */
  readonly svids?: readonly string[];
  /** A file with JWT bundles: as spiffe-helper writes it, a SPIFFE bundle or a bundle map. Default: none. */
  readonly bundle?: string;
  /** Whose bundle it is, for a file with the bundle of one trust domain, which does not say. */
  readonly trustDomain?: TrustDomain | string;
  /**
   * Takes them from the SPIFFE Workload API. Needs the package `@svidkit/workload-api` beside this one. Default: done
   * when no file is named, at `SPIFFE_ENDPOINT_SOCKET` of the environment.
   */
  readonly workloadApi?: boolean | Omit<WorkloadApiOptions, 'pick'>;
  /** Milliseconds to wait for the first tokens and bundles. @default 30_000 */
  readonly wait?: number;
  /** Where time comes from. */
  readonly clock?: Clock;
  /** Ends the opening; the promise is then rejected with its reason. No effect on an open source. */
  readonly signal?: AbortSignal;
  /** Where `SPIFFE_ENDPOINT_SOCKET` is looked up. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Tokens of this process, and what validates those of others. */
export interface WorkloadJwtSource extends JwtSource {
  /** How it fares now: whether it can do its work, and what is wrong, one sentence each. Cheap. */
  health(): { readonly ready: boolean; readonly problems: readonly string[] };
}

/**
 * Opens the JWT-SVIDs of this process, as `workloadIdentity` opens its certificate: from the files that are named, else
 * from the SPIFFE Workload API. Nothing else is looked for.
 *
 * @throws {@link SpiffeError} as `openMountedJwtSource` of `@svidkit/mount` or `openWorkloadApiJwtSource` of
 * `@svidkit/workload-api`; `ERR_CONFIG_PACKAGE`, `ERR_CONFIG_OPTION`; `signal.reason`.
 */
export async function workloadJwtSource(options: WorkloadJwtSourceOptions = {}): Promise<WorkloadJwtSource> {
  const { directory, svids, bundle, trustDomain, workloadApi, env, ...common } = options;
  if (svids !== undefined || bundle !== undefined) {
    if (workloadApi !== undefined && workloadApi !== false) throw badOptions('both');
    return openMountedJwtSource({
      ...common,
      ...(directory === undefined ? {} : { directory }),
      ...(svids === undefined ? {} : { svids }),
      ...(bundle === undefined ? {} : { bundle }),
      ...(trustDomain === undefined ? {} : { trustDomain }),
    });
  }
  if (workloadApi === false) throw badOptions('neither');
  const { openWorkloadApiJwtSource } = await loadWorkloadApi();
  return openWorkloadApiJwtSource({
    ...common,
    ...(env === undefined ? {} : { env }),
    ...(typeof workloadApi === 'object' ? workloadApi : {}),
  });
}

function badOptions(got: string): SpiffeError {
  return new SpiffeError(
    'ERR_CONFIG_OPTION',
    `want either files (options svids, bundle) or option workloadApi, got ${got}`,
    { hint: 'See the documentation of workloadJwtSource.' },
  );
}
