import { type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { type Credential, nameOf } from './identity.ts';

/** How a connection breaks when the other end wants no part of it: resets, and the alerts of TLS. */
const TURNED_AWAY = /^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_SSL_.*ALERT.*)$/;

/**
 * Under TLS 1.3 a client that is turned away sees a handshake that seemed good, and then the end. Where the server ends
 * a connection before it said a single byte, that end becomes the error that `error` makes, on whatever the socket has
 * been given to: HTTP/1, HTTP/2 or a listener of the application.
 *
 * It watches `push` (how the end reaches a stream) and `emit` of this one socket until the first byte.
 */
export function expectFirstByte(socket: TLSSocket, error: (cause?: unknown) => SpiffeError): void {
  const push = socket.push.bind(socket);
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean;
  // Set back and not deleted: an object from which properties were deleted is a slow one.
  const stop = (): void => {
    socket.push = push;
    socket.emit = emit;
  };
  // HTTP/2 reads below the stream, so the bytes are counted where both can be seen.
  const silent = (): boolean => socket.bytesRead === 0;
  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk !== null || !silent()) {
      stop();
      return push(chunk, encoding);
    }
    socket.destroy(error());
    return false;
  };
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'error') {
      const [cause] = args;
      const convert = silent() && isTurnedAway(cause);
      stop();
      if (convert) return emit(event, error(cause));
    }
    return emit(event, ...args);
  };
}

function isTurnedAway(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && TURNED_AWAY.test(String(cause.code));
}

/** What a client is told that was turned away after the handshake. */
export function closedAfterHandshake(
  server: string,
  own: Credential,
  generation: number,
  whom: string,
  cause?: unknown,
): SpiffeError {
  const name = nameOf(own);
  return new SpiffeError(
    'ERR_PEER_CLOSED_AFTER_HANDSHAKE',
    `${server} at ${whom} ended the connection before it sent a byte; we are ${name} (generation ${generation})`,
    {
      ...(cause === undefined ? {} : { cause }),
      peer: server,
      hint: `Look at its svidkit:peer.rejected events or its log. It may not trust our authority, not authorize ${name}, take our certificate (valid until ${new Date(own.expiresAt).toISOString()}) for expired by its clock, be overloaded or shutting down.`,
    },
  );
}
