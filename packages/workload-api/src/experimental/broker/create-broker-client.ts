import { SpiffeError, SpiffeId, type X509Source } from '@svidkit/core';

import { chooseAddress } from '../../address.ts';
import { clientCalls } from '../../calls.ts';
import { callSettings, environment } from '../../client-options.ts';
import { type BrokerClient } from './broker-client.ts';
import { brokerAt } from './broker-endpoint.ts';
import { BROKER_ADDRESSES, type BrokerClientOptions } from './broker-options.ts';
import { brokeredWorkload } from './brokered-workload.ts';

/**
 * Makes a client of the SPIFFE Broker API. Connects when something is asked for, with mutual TLS: presents the SVID of
 * `source`, and sends nothing before the server has proved that it is `serverId`.
 *
 * Experimental.
 *
 * @param source - our own identity, for instance of the Workload API. It stays open when the client closes.
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_ADDRESS`, `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function createBrokerClient(source: X509Source, options: BrokerClientOptions): BrokerClient {
  const { serverId, address, env = environment(), ...rest } = options;
  // Plain JavaScript can leave it out.
  if (serverId === undefined || serverId === null) {
    throw new SpiffeError(
      'ERR_CONFIG_OPTION',
      'want the SPIFFE ID of the server as option serverId, got none',
    );
  }
  const id = SpiffeId.parse(String(serverId));
  const where = chooseAddress(address, env, BROKER_ADDRESSES);
  const settings = callSettings(brokerAt(where, source, id, rest.clock), rest);
  const calls = clientCalls(settings);
  const close = async (): Promise<void> => calls.close();
  return Object.freeze<BrokerClient>({
    address: where.text,
    closed: calls.closed,
    workload(reference) {
      calls.closed.throwIfAborted();
      return brokeredWorkload(calls, where, reference);
    },
    close,
    [Symbol.asyncDispose]: close,
  });
}
