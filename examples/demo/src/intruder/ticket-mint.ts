import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';

import { type Pem } from '../messages.ts';
import { HOST } from '../topology.ts';

/**
 * A TLS 1.3 ticket from a server of our own that presents `identity`. Services that give no tickets are offered such
 * a one: whether they take any ticket is the question.
 */
export async function mintTicket(identity: Pem): Promise<Buffer> {
  const server = createServer({ ...identity, requestCert: true, rejectUnauthorized: false }, (socket) => {
    // Not ended here: a server that ends at once gives no ticket.
    socket.on('error', () => {});
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const socket = connect({
    ...identity,
    host: HOST,
    port: (server.address() as AddressInfo).port,
    rejectUnauthorized: false,
  });
  socket.resume();
  const [ticket] = (await once(socket, 'session')) as [Buffer];
  socket.destroy();
  server.close();
  return ticket;
}
