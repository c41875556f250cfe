import { type IdentityInput } from '../identity.ts';
import {
  tlsClientOptions,
  type TlsClientOptions,
  type TlsClientOptionsOptions,
} from '../tls-client-options.ts';

/** Part of the options of `connect` of nats. */
export interface NatsOptions {
  /** {@link tlsClientOptions}, which nats passes on to node:tls without having a type for it. */
  readonly tls: TlsClientOptions & { readonly handshakeFirst?: boolean };
}

/**
 * For nats: `connect({ servers, ...natsOptions(source, { authorize }) })`. Each connection presents the SVID of its
 * moment, and a server that says that it has no TLS is refused.
 *
 * @throws {@link SpiffeError} as {@link tlsClientOptions}.
 */
export function natsOptions(source: IdentityInput, options: TlsClientOptionsOptions): NatsOptions {
  return { tls: tlsClientOptions(source, options) };
}
