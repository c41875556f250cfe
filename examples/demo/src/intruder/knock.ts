import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

import { ENDPOINTS, HOST } from '../topology.ts';
import { httpRequest, type Knock, type KnockResult, pathOf, TIMEOUT_MS, tlsOptions } from './door.ts';
import { knockHttp2 } from './knock-http2.ts';

/**
 * Opens a connection and sends a marked request at once, behind the last message of the handshake, before the server
 * can have decided. Attempts and their controls all go through here.
 */
export function knock(options: Knock): Promise<KnockResult> {
  const { speaks } = ENDPOINTS[options.endpoint];
  if ((speaks === 'h2' || speaks === 'grpc') && options.plaintext === undefined) return knockHttp2(options);
  return new Promise((resolve) => {
    const http = speaks !== 'lines';
    const socket: Socket =
      options.plaintext === undefined ? connect(tlsOptions(options)) : connectTcp(options.port, HOST);
    const sessions: Buffer[] = [];
    let localPort: number | undefined;
    let answer = '';
    let closed = true;

    if (options.plaintext === 'noise') socket.write(Buffer.alloc(64, 0xff));
    socket.write(http ? httpRequest(pathOf(options), options.mark) : `mark ${options.mark}\n`);

    const answered = (): boolean =>
      http ? /^HTTP\/1\.1 200 [^]*\}$/.test(answer) : answer.includes(`mark ${options.mark}\n`);
    socket.once('connect', () => ({ localPort } = socket));
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
      // A line protocol does not end by itself.
      if (!http && answered()) socket.end();
    });
    socket.on('session', (session: Buffer) => sessions.push(session));
    socket.on('secureConnect', () => {
      const session = (socket as TLSSocket).getSession();
      if (session !== undefined) sessions.push(session);
    });
    socket.on('error', () => {}); // How it ended is of no interest, only that it did.
    socket.setTimeout(TIMEOUT_MS, () => {
      closed = false;
      socket.destroy();
    });
    socket.once('close', () => {
      // Without TLS, what comes back may be the alert of a TLS server.
      const applicationBytes = options.plaintext === undefined || answered() ? answer.length : 0;
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
      resolve({
        localPort,
        closed,
        applicationBytes,
        answered: answered(),
        status: status === undefined ? undefined : Number(status),
        sessions,
      });
    });
  });
}
