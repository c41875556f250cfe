import { type TLSSocket } from 'node:tls';

import { type Authorizer, type Clock, SpiffeError, systemClock, type X509Source } from '@svidkit/core';

import { ConnectionTable } from './connection-table.ts';
import { type TlsFloor } from './context-options.ts';
import { openConnection, type OpenOptions, type Target } from './open-connection.ts';
import { checkAuthorizer, checkCount, checkFloor, checkSource, refuseForbidden } from './server-options.ts';

/** What every client is asked. */
export interface SecureClientOptions {
  /** Which servers to speak to. Required; anyone with a verified identity is spelled `authorizeAny()`. */
  readonly authorize: Authorizer;
  /** The oldest TLS version to speak. @default 'TLSv1.3' */
  readonly minVersion?: TlsFloor;
  /** Milliseconds that connecting and the handshake may take together. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /** Where time comes from. Default: this machine. */
  readonly clock?: Clock;
}

/** Options of {@link connectTls}. */
export interface ConnectTlsOptions extends SecureClientOptions, Target {
  /** The protocols to offer by ALPN. Default: none. */
  readonly ALPNProtocols?: readonly string[];
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
    const openOptions = parseClientOptions(source, options, options.ALPNProtocols ?? []);
    const { signal } = options;
    signal?.throwIfAborted();
    const giveUp = openConnection(source, options, openOptions, (error, opened) => {
      signal?.removeEventListener('abort', onAbort);
      if (opened === undefined) {
        reject(error);
        return;
      }
      tableOf(source, openOptions.clock).add(opened.socket, opened.own, opened.admission);
      resolve(opened.socket);
    });
    const onAbort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Checks the options that clients share and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function parseClientOptions(
  source: X509Source,
  options: SecureClientOptions,
  alpn: readonly string[],
): OpenOptions {
  checkSource(source);
  for (const [name, value] of Object.entries(options)) if (value !== undefined) refuseForbidden(name);
  return {
    authorize: checkAuthorizer(options.authorize),
    minVersion: checkFloor(options.minVersion),
    handshakeTimeoutMs: checkCount('handshakeTimeoutMs', options.handshakeTimeoutMs, 10_000, 1),
    clock: options.clock ?? systemClock,
    alpn,
  };
}

function tableOf(source: X509Source, clock: Clock): ConnectionTable {
  let table = tables.get(source);
  if (table === undefined) {
    const created = new ConnectionTable({
      side: 'client',
      clock,
      // A plain connection has no idle moment that we could see: it lives to its deadline, unless it is condemned.
      retire: ({ socket, condemned }) => {
        if (condemned)
          socket.destroy(new SpiffeError('ERR_PEER_UNAUTHORIZED', 'the authority of the server was removed'));
      },
    });
    source.onUpdate((context) => created.follow(context));
    tables.set(source, created);
    table = created;
  }
  return table;
}
