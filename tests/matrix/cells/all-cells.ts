import { accept } from './accept.ts';
import { badClient } from './bad-client.ts';
import { badServer, FEDERATED, NOWHERE } from './bad-server.ts';
import { type Cell } from './cell.ts';
import { drain, restart } from './ending.ts';
import { removedClientAuthority, removedServerAuthority } from './removed-authority.ts';
import { rootRotationUnderLoad, rotationUnderLoad } from './rotation.ts';

/** The columns of the matrix. */
export const CELLS = {
  accept,
  'unauthorised path: client': badClient({
    shows: ({ a }) => a.issue({ path: '/other' }),
    code: 'ERR_PEER_UNAUTHORIZED',
  }),
  'unauthorised path: server': badServer({
    shows: ({ a }) => a.issue({ path: '/other' }),
    code: 'ERR_PEER_UNAUTHORIZED',
  }),
  'foreign CA: client': badClient({
    shows: ({ rogue }) => rogue.issue({ path: '/client' }),
    code: 'ERR_CHAIN_UNTRUSTED',
  }),
  'foreign CA: server': badServer({
    shows: ({ rogue }) => rogue.issue({ path: '/server' }),
    code: 'ERR_CHAIN_UNTRUSTED',
    openssl: NOWHERE,
  }),
  'federated CA vouches for our trust domain: client': badClient({
    shows: ({ b }) => b.issue({ id: 'spiffe://a.test/client' }),
    code: 'ERR_CHAIN_UNTRUSTED',
    twin: ({ b }) => b.issue({ path: '/client' }),
  }),
  'federated CA vouches for our trust domain: server': badServer({
    shows: ({ b }) => b.issue({ id: 'spiffe://a.test/server' }),
    code: 'ERR_CHAIN_UNTRUSTED',
    openssl: NOWHERE,
    twin: FEDERATED,
  }),
  'expired: client': badClient({
    shows: ({ a }) => a.issue({ path: '/client', defects: ['expired'] }),
    code: 'ERR_CHAIN_EXPIRED',
  }),
  'expired: server': badServer({
    shows: ({ a }) => a.issue({ path: '/server', defects: ['expired'] }),
    code: 'ERR_CHAIN_EXPIRED',
    openssl: /CERT_HAS_EXPIRED/,
  }),
  'no certificate: client': badClient({
    shows: async () => undefined,
    code: 'ERR_PEER_NO_CERTIFICATE',
  }),
  'no certificate: server': badServer({
    shows: async () => undefined,
    code: 'ERR_PEER_HANDSHAKE',
    openssl: /handshake.failure/i,
  }),
  'removed CA on reconnect: client': removedClientAuthority,
  'removed CA on reconnect: server': removedServerAuthority,
  'rotation under load': rotationUnderLoad,
  'root rotation under load': rootRotationUnderLoad,
  drain,
  'server restart': restart,
} satisfies Record<string, Cell>;

/** The name of a column. */
export type CellName = keyof typeof CELLS;
