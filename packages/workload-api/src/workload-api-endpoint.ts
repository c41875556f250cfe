import { credentials } from '@grpc/grpc-js';
import { type SpiffeError } from '@svidkit/core';

import { type EndpointAddress } from './address.ts';
import { type Endpoint } from './endpoint.ts';
import { SECURITY_HEADER } from './protocol/methods.ts';

/** The Workload API at an address. SPIFFE Workload Endpoint 3.1: never TLS, whatever the environment of this process says. */
export function workloadApiAt(address: EndpointAddress): Endpoint {
  return Object.freeze<Endpoint>({
    name: 'the Workload API',
    address,
    securityHeader: SECURITY_HEADER,
    credentials: credentials.createInsecure(),
    meaningOf: () => undefined,
    isFinal,
  });
}

/** Whether trying again cannot help: SPIFFE Workload Endpoint 6 and appendix A of the Workload API. */
function isFinal({ code }: SpiffeError): boolean {
  return code === 'ERR_WORKLOAD_API_REFUSED' || code === 'ERR_WORKLOAD_API_UNIMPLEMENTED';
}
