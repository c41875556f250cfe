import { type SecureContext } from 'node:tls';

import { type IdentityInput } from '../identity.ts';
import {
  tlsClientOptions,
  type TlsClientOptions,
  type TlsClientOptionsOptions,
} from '../tls-client-options.ts';

/** Part of the options of `MongoClient` of mongodb. */
export interface MongodbOptions {
  readonly tls: true;
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: true;
  readonly checkServerIdentity: TlsClientOptions['checkServerIdentity'];
}

/**
 * For mongodb: `new MongoClient(url, mongodbOptions(source, { authorize }))`. These are the members of
 * {@link tlsClientOptions} that the driver takes; it refuses the others by name. They survive its copying, so that one
 * client follows every rotation, and the floor of the TLS version is in the context.
 *
 * @throws {@link SpiffeError} as {@link tlsClientOptions}.
 */
export function mongodbOptions(source: IdentityInput, options: TlsClientOptionsOptions): MongodbOptions {
  const { secureContext, rejectUnauthorized, checkServerIdentity } = tlsClientOptions(source, options);
  return { tls: true, secureContext, rejectUnauthorized, checkServerIdentity };
}
