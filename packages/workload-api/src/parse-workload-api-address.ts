import { type EndpointAddress, parseAddress } from './address.ts';

/**
 * Reads the address of a Workload API as SPIFFE Workload Endpoint 4 has it: `unix:` with an absolute path and nothing else, or
 * `tcp:` with an IP address, a port and nothing else. Nothing is repaired, looked up or connected to. Clients and sources
 * do this themselves; it is for configuration that is to be checked before.
 *
 * @returns the path, decoded, or the IP address (version 6 without brackets) and its port; and `text`, as it was given.
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`.
 */
export function parseWorkloadApiAddress(text: string): EndpointAddress {
  return parseAddress(text, 'address');
}
