import { type Server } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { contextOptions, type Tickets, type TlsFloor } from './context-options.ts';
import { type Credential } from './identity.ts';

/** Node keeps the PEM of the key as a property, where `inspect` would print it. */
export function installContext(
  server: Server,
  credential: Credential | undefined,
  minVersion: TlsFloor,
  tickets: Tickets,
): void {
  // On the prototype: the server's own method is sealed.
  (Object.getPrototypeOf(server) as Server).setSecureContext.call(
    server,
    contextOptions(credential, minVersion, tickets),
  );
  Object.assign(server, { key: undefined });
}

/** Other certificates on a gated server would present an identity that is not the source's. */
export function sealContext(server: Server): void {
  for (const method of ['setSecureContext', 'addContext', 'setTicketKeys']) {
    const value = (): never => {
      throw new SpiffeError('ERR_CONFIG_SERVER', `${method} is not possible on a gated server`, {
        hint: 'The source decides what the server presents; use a server of your own for other certificates.',
      });
    };
    Object.defineProperty(server, method, { value });
  }
  // node:cluster shares the ticket keys of a port among its workers by these (undocumented). Without tickets there is
  // nothing to share, and a worker must be able to listen.
  Object.defineProperty(server, '_getServerData', { value: () => ({}) });
  Object.defineProperty(server, '_setServerData', { value: () => {} });
}
