import { type IncomingMessage } from 'node:http';
import { type Duplex } from 'node:stream';

import { type Authorizer, requireAuthorizer } from '@svidkit/core';

import { checkRequest } from './check-request.ts';
import { type Problem, problemOf } from './problem.ts';

export { peerOf } from '@svidkit/tls';

/** What is needed of a `WebSocketServer` of ws with the option `noServer`. */
export interface UpgradeTarget {
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: (client: object) => void,
  ): void;
  emit(event: 'connection', client: object, request: IncomingMessage): boolean;
}

/** A listener for `upgrade` of an HTTP server. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * A listener for `server.on('upgrade', ...)` that makes WebSockets of requests whose peer `authorizer` allows, and
 * answers others with a problem document. On a gated server a WebSocket ends with the identities of its connection.
 * The listeners of `connection` learn who it is by `peerOf(request)`.
 *
 * @param webSockets - a `WebSocketServer` with the option `noServer: true`: one that is given the server itself takes
 * upgrades on its own.
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeUpgrade(webSockets: UpgradeTarget, authorizer: Authorizer): UpgradeListener {
  requireAuthorizer(authorizer, 'authorizeUpgrade');
  return (request, socket, head) => {
    try {
      checkRequest(request, authorizer);
    } catch (error) {
      refuse(socket, problemOf(error));
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (client) => {
      webSockets.emit('connection', client, request);
    });
  };
}

/** There is no response object: the answer is written by hand, and the connection ends with it. */
function refuse(socket: Duplex, { status, headers, body }: Problem): void {
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...headers, 'content-length': String(text.length), connection: 'close' });
  // Nobody else listens any more, and a reset must not end the process.
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${body.title}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
  );
}
