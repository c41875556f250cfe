import { type SpiffeId } from '@svidkit/core';

import { type AddressRules } from '../../address.ts';
import { type WorkloadApiClientOptions } from '../../client-options.ts';

/** Names the address where no option does: SPIFFE Broker Endpoint 4. */
export const BROKER_ADDRESS_VARIABLE = 'SPIFFE_BROKER_SOCKET';

/** What is the address of a broker endpoint. */
export const BROKER_ADDRESSES: AddressRules = {
  name: 'the broker endpoint',
  variable: BROKER_ADDRESS_VARIABLE,
  allowsNames: true,
};

/** What {@link createBrokerClient} takes beside our own identity. */
export interface BrokerClientOptions extends Omit<WorkloadApiClientOptions, 'address' | 'env'> {
  /** The SPIFFE ID of the server. A server with any other ID is sent nothing. */
  readonly serverId: SpiffeId | string;
  /**
   * Where it listens: `unix:///absolute/path`, `tcp://IP-address:port` or `tcp://name:port`. Default:
   * `SPIFFE_BROKER_SOCKET` of the environment.
   */
  readonly address?: string;
  /** Where `SPIFFE_BROKER_SOCKET` is looked up. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}
