import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';

import { ENDPOINTS } from '../topology.ts';
import { type Knock, type KnockResult, pathOf, TIMEOUT_MS, tlsOptions } from './door.ts';

/**
 * Knocks where HTTP/2 is spoken. The client of node:http2 sends its preface and the request as soon as it thinks that
 * the handshake is done, which is before the server can have decided. Whatever the server says in HTTP/2, if only its
 * settings, counts as having let us in.
 */
export function knockHttp2(options: Knock): Promise<KnockResult> {
  return new Promise((resolve) => {
    const socket = connect({ ...tlsOptions(options), ALPNProtocols: ['h2'] });
    const sessions: Buffer[] = [];
    let localPort: number | undefined;
    let applicationBytes = 0;
    let status: number | undefined;
    let answer = '';
    let closed = true;

    socket.once('connect', () => ({ localPort } = socket));
    socket.on('session', (ticket: Buffer) => sessions.push(ticket));
    socket.on('error', () => {}); // How it ended is of no interest, only that it did.
    const session = connectHttp2('https://demo', { createConnection: () => socket });
    session.on('error', () => {});
    session.once('remoteSettings', () => (applicationBytes += 1));
    const isGrpc = ENDPOINTS[options.endpoint].speaks === 'grpc';
    const stream = session.request({
      ':method': 'POST',
      ':path': pathOf(options),
      'content-type': isGrpc ? 'application/grpc' : 'application/json',
      ...(isGrpc ? { te: 'trailers' } : {}),
      'x-mark': options.mark,
    });
    stream.on('error', () => {});
    stream.on('response', (headers) => (status = Number(headers[':status'])));
    stream.on('data', (bytes: Buffer) => {
      applicationBytes += bytes.length;
      answer += bytes.toString('latin1');
    });
    stream.once('close', () => session.close());
    // A message of gRPC has its length in front.
    stream.end(isGrpc ? Buffer.from('\0\0\0\0\u0002{}', 'latin1') : '{}');
    const timer = setTimeout(() => {
      closed = false;
      socket.destroy();
    }, TIMEOUT_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      const answered = status === 200 && answer.endsWith('}');
      resolve({ localPort, closed, applicationBytes, answered, status, sessions });
    });
  });
}
