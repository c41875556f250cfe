import { type TransportName } from './all-transports.ts';
import { type CellName } from './cells/all-cells.ts';

/** Cells that would meet the end of another row. */
interface Absence {
  readonly transports: readonly TransportName[];
  readonly cells: readonly CellName[];
  readonly reason: string;
}

const BAD_CLIENTS = [
  'unauthorised path: client',
  'foreign CA: client',
  'federated CA vouches for our trust domain: client',
  'expired: client',
  'no certificate: client',
  'removed CA on reconnect: client',
] as const satisfies readonly CellName[];

const BAD_SERVERS = [
  'unauthorised path: server',
  'foreign CA: server',
  'federated CA vouches for our trust domain: server',
  'expired: server',
  'no certificate: server',
  'removed CA on reconnect: server',
] as const satisfies readonly CellName[];

/** The cells that the matrix does not have. */
export const ABSENT: readonly Absence[] = [
  {
    transports: ['Express 5', 'Fastify 5', 'Koa', 'Hono', 'Nest'],
    cells: BAD_SERVERS,
    reason:
      'frameworks for servers: their client here is that of the row https, which meets these servers there',
  },
  {
    transports: ['undici HTTP/1.1', 'undici HTTP/2', 'bound fetch'],
    cells: BAD_CLIENTS,
    reason: 'clients: their server here is that of the row http2, which meets these clients there',
  },
  {
    transports: ['tls.connect with tlsClientOptions'],
    cells: BAD_CLIENTS,
    reason: 'a client: its server here is that of the row tls, which meets these clients there',
  },
  {
    transports: ['https.request with tlsClientOptions'],
    cells: BAD_CLIENTS,
    reason: 'a client: its server here is that of the row https, which meets these clients there',
  },
];
