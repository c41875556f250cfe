import { type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { type Target } from './attempt-connection.ts';
import { type SecureClientOptions } from './client-options.ts';
import { type Connection } from './connection-table.ts';
import { SourceConnector } from './connector.ts';
import { type IdentityInput } from './identity.ts';
import { checkAuthorizer } from './server-options.ts';

/** Options of {@link connectTls}. */
export interface ConnectTlsOptions extends SecureClientOptions, Target {
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
}

/**
 * Opens one mutually authenticated TLS connection.
 *
 * @returns a socket whose server is verified and authorised; `peerOf(socket)` tells who it is. It is destroyed when
 * an SVID of the connection expires or its authority leaves the bundle.
 * @throws {@link SpiffeError} `ERR_PEER_*`, `ERR_CHAIN_*`, `ERR_BUNDLE_*`, `ERR_SOURCE_*`, `ERR_CONFIG_*`; errors of
 * node:net as they are; `signal.reason`.
 */
export function connectTls(source: IdentityInput, options: ConnectTlsOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const authorize = checkAuthorizer(options.authorize);
    const { signal } = options;
    signal?.throwIfAborted();
    const connector = new SourceConnector(source, { ...options, authorize }, release);
    const giveUp = connector.connect(options, (error, connected) => {
      signal?.removeEventListener('abort', onAbort);
      if (connected === undefined) {
        connector.destroy();
        // What was not opened has its reason.
        reject(error);
        return;
      }
      connected.socket.once('close', () => connector.destroy());
      resolve(connected.socket);
    });
    const onAbort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A plain connection has no idle moment that we could see: it lives to its deadline, unless it is condemned. */
function release({ socket, urgency, retired }: Connection): void {
  if (urgency !== 'condemned') return;
  socket.destroy(
    new SpiffeError('ERR_PEER_UNAUTHORIZED', `the server is believed no more (${retired ?? ''})`),
  );
}
