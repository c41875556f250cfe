import { SpiffeError, type X509Source } from '@svidkit/core';
import { type MountOptions, openMountedX509Source } from '@svidkit/mount';

import { loadWorkloadApi, type WorkloadApiOptions } from './load-workload-api.ts';

/** Where an identity comes from. */
export interface SourceOptions extends MountOptions {
  /**
   * Takes the identity from the SPIFFE Workload API, not from a mount. Needs the package `@svidkit/workload-api` beside this
   * one. Default: done when the environment has `SPIFFE_ENDPOINT_SOCKET`, and nothing names a mount.
   */
  readonly workloadApi?: boolean | WorkloadApiOptions;
}

/**
 * Opens the identity of this process. What names one counts before what can only be found: options, then
 * `SPIFFE_CREDENTIAL_FOLDER`, then `SPIFFE_ENDPOINT_SOCKET`, then the well-known directories.
 *
 * @throws {@link SpiffeError} as `openMountedX509Source` or `openWorkloadApiX509Source`; `ERR_CONFIG_PACKAGE`,
 * `ERR_CONFIG_OPTION`.
 */
export async function openSource({ workloadApi, ...options }: SourceOptions): Promise<X509Source> {
  // oxlint-disable-next-line node/no-process-env
  const env = options.env ?? process.env;
  const isMountNamed = options.directory !== undefined || options.files !== undefined;
  if (isMountNamed && workloadApi !== undefined && workloadApi !== false) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'want either a mount or option workloadApi, got both', {
      hint: 'Open both sources and give them to firstHealthy of @svidkit/core, if one is to stand in for the other.',
    });
  }
  const isMountMeant = isMountNamed || options.searchDirectories !== undefined || workloadApi === false;
  if (workloadApi === undefined ? isMountMeant || !prefersWorkloadApi(env) : workloadApi === false) {
    return openMountedX509Source(options);
  }
  const { expectedId, wait, unreadyAt, clock, signal } = options;
  const { openWorkloadApiX509Source } = await loadWorkloadApi();
  return openWorkloadApiX509Source({
    env,
    ...(expectedId === undefined ? {} : { pick: { id: expectedId } }),
    ...(wait === undefined ? {} : { wait }),
    ...(unreadyAt === undefined ? {} : { unreadyAt }),
    ...(clock === undefined ? {} : { clock }),
    ...(signal === undefined ? {} : { signal }),
    ...(typeof workloadApi === 'object' ? workloadApi : {}),
  });
}

/** Whether the environment names a Workload API, and no mount. */
export function prefersWorkloadApi(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env['SPIFFE_CREDENTIAL_FOLDER'] ?? '') === '' && (env['SPIFFE_ENDPOINT_SOCKET'] ?? '') !== '';
}
