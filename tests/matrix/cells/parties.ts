import { authorizeId, type Authorizer, type X509Source } from '@svidkit/core';

import { closing } from '../../../packages/tls/test/fixtures.ts';
import { HOST } from '../host.ts';
import { type Client, type ServeOptions, type Service, type Transport } from '../transport.ts';

export const SERVER = 'spiffe://a.test/server';
export const CLIENT = 'spiffe://a.test/client';

/** A service that serves the client alone, ended after the test. */
export function serve(
  transport: Transport,
  source: X509Source,
  options: Partial<ServeOptions> = {},
): Promise<Service> {
  return transport.serve(source, { authorize: authorizeId(CLIENT), host: HOST, port: 0, ...options });
}

/** A client that asks the server alone, closed after the test. */
export function connect(
  transport: Transport,
  source: X509Source,
  port: number,
  authorize: Authorizer = authorizeId(SERVER),
): Client {
  const client = transport.connect(source, { authorize, host: HOST, port });
  return closing(client, (one) => one.close());
}

/** The serial number of what a source shows now. */
export function serialOf(source: X509Source): string {
  return source.current.svid.leaf.serialNumber;
}
