import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';

import { closing, type Identity } from '../../packages/tls/test/fixtures.ts';
import { HOST } from './host.ts';
import { type Transport } from './transport.ts';

/** A server on bare node:tls that takes everybody and writes down what it is sent. */
export interface Trap {
  readonly port: number;
  /** Resolves with the first byte of the application. */
  readonly bitten: Promise<void>;
  /** Takes no more connections, waits until all are over, and gives how many bytes of the application came. */
  readonly stolen: () => Promise<number>;
}

/** @param identity - what it shows; undefined: nothing. */
export async function trap(identity: Identity | undefined, alpn: Transport['alpn']): Promise<Trap> {
  let bytes = 0;
  const { promise: bitten, resolve: bite } = Promise.withResolvers<void>();
  const sockets = new Set<TLSSocket>();
  const server = createServer(
    {
      ...(identity === undefined ? {} : { cert: identity.certPem, key: identity.keyPem }),
      ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
      requestCert: true,
      rejectUnauthorized: false,
      ca: [],
    },
    (socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        bite();
      });
    },
  );
  server.on('tlsClientError', () => {});
  await once(server.listen(0, HOST), 'listening');
  closing(server, () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    bitten,
    stolen: async () => {
      const over = new Promise((resolve) => server.close(resolve));
      await Promise.race([over, bitten]);
      return bytes;
    },
  };
}
