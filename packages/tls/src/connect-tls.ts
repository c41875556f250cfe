import { type TLSSocket } from 'node:tls';

import { type Clock, SpiffeError, type X509Source } from '@svidkit/core';

import { parseClientOptions, type SecureClientOptions } from './client-options.ts';
import { ConnectionTable } from './connection-table.ts';
import { openConnection, type Target } from './open-connection.ts';

/** Options of {@link connectTls}. */
export interface ConnectTlsOptions extends SecureClientOptions, Target {
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
}

/** One table per source: connections that nobody else manages end with their identities. */
const tables = new WeakMap<X509Source, ConnectionTable>();

/**
 * Opens one mutually authenticated TLS connection.
 *
 * @returns a socket whose server is verified and authorised; `peerOf(socket)` tells who it is. It is destroyed when
 * an SVID of the connection expires or its authority leaves the bundle.
 * @throws {@link SpiffeError} `ERR_PEER_*`, `ERR_CHAIN_*`, `ERR_BUNDLE_*`, `ERR_SOURCE_*`, `ERR_CONFIG_*`; errors of
 * node:net as they are; `signal.reason`.
 */
export function connectTls(source: X509Source, options: ConnectTlsOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const openOptions = parseClientOptions(source, options);
    const { signal } = options;
    signal?.throwIfAborted();
    const giveUp = openConnection(source, options, openOptions, (error, opened) => {
      signal?.removeEventListener('abort', onAbort);
      if (opened === undefined) {
        reject(error);
        return;
      }
      const { socket, own, admission } = opened;
      tableOf(source, openOptions.clock).add(socket, own, admission, openOptions);
      resolve(socket);
    });
    const onAbort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function tableOf(source: X509Source, clock: Clock): ConnectionTable {
  let table = tables.get(source);
  if (table === undefined) {
    const created = new ConnectionTable({
      side: 'client',
      clock,
      // A plain connection has no idle moment that we could see: it lives to its deadline, unless it is condemned.
      retire: ({ socket, urgency }) => {
        if (urgency === 'condemned')
          socket.destroy(new SpiffeError('ERR_PEER_UNAUTHORIZED', 'the authority of the server was removed'));
      },
    });
    source.onUpdate((context) => created.follow(context));
    tables.set(source, created);
    table = created;
  }
  return table;
}
