import { type WorkloadApiJwtSourceOptions, jwtSourceSettings } from './jwt-source-options.ts';
import { JwtSourceOverWorkloadApi } from './jwt-source.ts';
import { type WorkloadApiJwtSource } from './workload-api-jwt-source.ts';

/**
 * Opens a source of JWT-SVIDs over the SPIFFE Workload API: follows the JWT bundles, fetches tokens when they are asked
 * for, keeps them, and renews those in use ahead of time. Tokens of peers are validated here, with the bundles.
 *
 * A message that cannot be used never replaces what is in use, and a broken stream is opened again; only what the
 * Workload API withdraws is dropped. `health()` and the channel `svidkit:source.error` tell what is wrong. Keeps the
 * process alive until it is closed.
 *
 * @returns the source, with its first bundles.
 * @throws {@link SpiffeError} `ERR_SOURCE_TIMEOUT` when no bundles came within `wait`, with the latest reason as `cause`;
 * `ERR_WORKLOAD_API_REFUSED`, `ERR_WORKLOAD_API_UNIMPLEMENTED`, `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION` where
 * waiting cannot help. The reason of `signal`, when it aborts.
 */
export async function openWorkloadApiJwtSource(
  options: WorkloadApiJwtSourceOptions = {},
): Promise<WorkloadApiJwtSource> {
  const source = new JwtSourceOverWorkloadApi(jwtSourceSettings(options));
  await source.open();
  return source;
}
