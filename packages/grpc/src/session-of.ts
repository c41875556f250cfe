import { type ClientHttp2Session, connect } from 'node:http2';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

/**
 * The HTTP/2 session that was made over a socket; undefined when there is none yet, or none any more.
 *
 * grpc-js makes its sessions itself and shows them to nobody. That node:http2 notes the session on its socket, under
 * whatever key, is undocumented: it is used here alone, and {@link proveSessionOf} proves it first.
 */
export function sessionOf(socket: TLSSocket): ClientHttp2Session | undefined {
  for (const key of Reflect.ownKeys(socket)) {
    const value: unknown = Object.getOwnPropertyDescriptor(socket, key)?.value;
    if (isSession(value)) return value;
  }
  return undefined;
}

let proven = false;

/**
 * Proves once per process, in memory, that the session of a socket is found.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_RUNTIME` when it is not.
 */
export function proveSessionOf(): void {
  if (proven) return;
  const nowhere = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const socket = new TLSSocket(nowhere);
  const before = sessionOf(socket);
  const session = connect('https://localhost', { createConnection: () => socket });
  session.on('error', () => {});
  const found = sessionOf(socket);
  session.destroy();
  socket.destroy();
  nowhere.destroy();
  if (before !== undefined || found !== session) {
    throw new SpiffeError(
      'ERR_CONFIG_RUNTIME',
      `Node.js ${process.version} does not tell which HTTP/2 session a socket has`,
      { hint: 'Use a version that svidkit supports: without it no channel could leave a connection.' },
    );
  }
  proven = true;
}

function isSession(value: unknown): value is ClientHttp2Session {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<ClientHttp2Session>).goaway === 'function' &&
    typeof (value as Partial<ClientHttp2Session>).request === 'function'
  );
}
