import { clientCalls } from './calls.ts';
import { clientSettings, type WorkloadApiClientOptions } from './client-options.ts';
import { jwtCalls, validationCalls } from './jwt-calls.ts';
import { type WorkloadApiClient } from './workload-api-client.ts';
import { x509Calls } from './x509-calls.ts';

/**
 * Makes a client of the Workload API. Connects when something is asked for.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION`.
 */
export function createWorkloadApiClient(options: WorkloadApiClientOptions = {}): WorkloadApiClient {
  const settings = clientSettings(options);
  const calls = clientCalls(settings);
  const close = async (): Promise<void> => calls.close();
  return Object.freeze<WorkloadApiClient>({
    address: settings.endpoint.address.text,
    closed: calls.closed,
    ...x509Calls(calls),
    ...jwtCalls(calls),
    ...validationCalls(calls),
    close,
    [Symbol.asyncDispose]: close,
  });
}
