import { type TLSSocket } from 'node:tls';

import { type PlainConnection, refused } from './dial-tls.ts';

/** Length 8, then the code 1234 5679 (PostgreSQL protocol, "SSLRequest"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const YES = 0x53;

/** Asks a PostgreSQL server for TLS. A server that says no, or anything else, gets nothing more. */
export async function upgradePostgres(plain: PlainConnection): Promise<TLSSocket> {
  plain.socket.write(SSL_REQUEST);
  const [answer] = await plain.read(1);
  if (answer !== YES) throw refused('the PostgreSQL server does not offer TLS');
  return plain.secure();
}
