import { connect } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { type JsonObject } from './params.ts';

/** `client.web`: what a program without SPIFFE makes of a server, with the authorities that this machine and environment trust. */
export function connectAsProgram(params: JsonObject): Promise<JsonObject> {
  const { port, serverName } = params;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername: String(serverName) });
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve({ trusted: true });
    });
    socket.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new SpiffeError('ERR_PEER_HANDSHAKE', `${error.code ?? ''}: ${error.message}`, { cause: error }),
      ),
    );
  });
}
