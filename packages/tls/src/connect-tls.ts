import { type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { type OpenOptions, type Target } from './attempt-connection.ts';
import { parseClientOptions, type SecureClientOptions } from './client-options.ts';
import { type Connection, ConnectionTable } from './connection-table.ts';
import { type Identity, type IdentityInput } from './identity.ts';
import { openConnection } from './open-connection.ts';

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
    const { signal } = options;
    const care = careFor(source, options);
    const open = parseClientOptions(source, options, care?.identity);
    signal?.throwIfAborted();
    const giveUp = openConnection(options, open, (error, opened) => {
      signal?.removeEventListener('abort', onAbort);
      if (opened === undefined) {
        reject(error);
        return;
      }
      const { socket, own, admission } = opened;
      const { table, end } = care ?? takeCare(open);
      table.add(socket, own, admission, open);
      if (care === undefined) socket.once('close', end);
      resolve(socket);
    });
    const onAbort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Who ends connections with their identities. */
interface Care {
  readonly identity: Identity;
  readonly table: ConnectionTable;
  readonly end: () => void;
}

/** One for all plain connections of a source, as long as it lives; others have one each. */
const cares = new WeakMap<IdentityInput, Care>();

function careFor(source: IdentityInput, options: ConnectTlsOptions): Care | undefined {
  const { accept, prefer, policy, deny, clock } = options;
  if ((accept ?? prefer ?? policy ?? deny ?? clock) !== undefined) return undefined;
  const known = cares.get(source);
  if (known !== undefined) return known;
  const care = takeCare(parseClientOptions(source, options));
  cares.set(source, care);
  return care;
}

function takeCare({ identity, clock, deny }: OpenOptions): Care {
  const table = new ConnectionTable({ side: 'client', clock, retire: release });
  const subscriptions = [
    identity.onUpdate((generation) => table.follow(generation)),
    deny?.onUpdate(() => table.deny(deny)),
  ];
  const end = (): void => {
    for (const subscription of subscriptions) subscription?.[Symbol.dispose]();
    table.clear();
  };
  return { identity, table, end };
}

/** A plain connection has no idle moment that we could see: it lives to its deadline, unless it is condemned. */
function release({ socket, urgency, retired }: Connection): void {
  if (urgency !== 'condemned') return;
  socket.destroy(
    new SpiffeError('ERR_PEER_UNAUTHORIZED', `the server is believed no more (${retired ?? ''})`),
  );
}
