import { type WorkloadApiX509Source } from './workload-api-x509-source.ts';
import { type WorkloadApiX509SourceOptions, x509SourceSettings } from './x509-source-options.ts';
import { X509SourceOverWorkloadApi } from './x509-source.ts';

/**
 * Opens the X.509-SVID that the SPIFFE Workload API gives this process, and follows it while it is renewed.
 *
 * A message that cannot be used (malformed, partial, expired) never replaces what is in use; a broken stream is opened
 * again, and what is in use stays until it expires. Only what the Workload API withdraws is dropped.
 * `health()` and the channel `svidkit:source.error` tell what is wrong. Keeps the process alive until it is closed.
 *
 * @returns the source, with its first generation.
 * @throws {@link SpiffeError} `ERR_SOURCE_TIMEOUT` when no usable identity came within `wait`, with the latest reason as
 * `cause`; `ERR_WORKLOAD_API_REFUSED`, `ERR_WORKLOAD_API_UNIMPLEMENTED`, `ERR_WORKLOAD_API_ADDRESS`,
 * `ERR_CONFIG_OPTION`, `ERR_ID_INVALID` where waiting cannot help. The reason of `signal`, when it aborts.
 */
export async function openWorkloadApiX509Source(
  options: WorkloadApiX509SourceOptions = {},
): Promise<WorkloadApiX509Source> {
  const source = new X509SourceOverWorkloadApi(x509SourceSettings(options));
  await source.open();
  return source;
}
