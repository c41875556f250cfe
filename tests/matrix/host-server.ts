import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket } from 'node:net';

import { drainServers } from '@svidkit/tls';

import { closing } from '../../packages/tls/test/fixtures.ts';
import { type Handled, type ServeOptions, type Service } from './transport.ts';

/**
 * Has a server listen.
 *
 * @param listen - how, where a framework has its own way.
 */
export async function hostServer(
  server: Server,
  handled: Handled,
  { host, port }: ServeOptions,
  listen?: () => Promise<unknown>,
): Promise<Service> {
  // node:http closes idle connections after five seconds: here only svidkit may.
  Object.assign(server, { keepAliveTimeout: 0 });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  if (listen === undefined) await once(server.listen(port, host), 'listening');
  else await listen();
  const kill = async (): Promise<void> => {
    if (!server.listening && sockets.size === 0) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return closing(
    {
      port: (server.address() as AddressInfo).port,
      handled,
      // What does not end by itself must not have its test wait for long.
      drain: async () => (await drainServers([server], { deadlineMs: 10_000 })).drained,
      kill,
    },
    kill,
  );
}
