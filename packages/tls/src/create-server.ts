import { type RequestListener, type ServerOptions as HttpServerOptions } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { createServer as createTls, type Server as TlsServer, type TLSSocket } from 'node:tls';

import { type IdentityInput } from './identity.ts';
import { type Gated, gated } from './secure-server.ts';
import { parseServerOptions, type SecureServerOptions } from './server-options.ts';

/** Options of {@link createTlsServer}. */
export interface TlsServerOptions extends SecureServerOptions {
  /** The protocols to offer by ALPN. Default: none. */
  readonly ALPNProtocols?: readonly string[];
}

/** Options of {@link createHttpsServer}: ours beside those of `http.createServer`. */
export interface HttpsServerOptions extends SecureServerOptions, HttpServerOptions {}

/**
 * A TLS server that presents the source's SVID, follows its rotations, and hands out only connections of peers that
 * were verified and authorised.
 *
 * @param listener - called with each admitted connection; `peerOf(socket)` tells who it is.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createTlsServer(
  source: IdentityInput,
  options: TlsServerOptions,
  listener?: (socket: TLSSocket) => void,
): Gated<TlsServer> {
  const { identity, gateOptions, serverOptions } = parseServerOptions(source, options);
  const { ALPNProtocols } = serverOptions;
  const server = createTls(
    { ...(ALPNProtocols === undefined ? {} : { ALPNProtocols: [...ALPNProtocols] }), ca: [] },
    listener,
  );
  return gated(server, identity, gateOptions);
}

/**
 * An HTTPS server (HTTP/1.1) that presents the source's SVID, follows its rotations, and lets only verified and
 * authorised peers reach `listener`, be it a function, an Express application or any other.
 *
 * @param listener - called with each request; `peerOf(request)` tells who asks.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function createHttpsServer(
  source: IdentityInput,
  options: HttpsServerOptions,
  listener?: RequestListener,
): Gated<HttpsServer> {
  const { identity, gateOptions, serverOptions } = parseServerOptions(source, options);
  return gated(createHttps({ ...serverOptions, ca: [] }, listener), identity, gateOptions);
}
