import { type IncomingMessage } from 'node:http';
import { type Duplex } from 'node:stream';

import { type Authorizer, type Clock, requireAuthorizer, systemClock } from '@svidkit/core';

import { type AuthorizeJwtOptions, checkJwt, type JwtValidator, requireJwtOptions } from './check-jwt.ts';
import { checkRequest } from './check-request.ts';
import { type JwtPeer } from './jwt-peer.ts';
import { type Problem, problemOf } from './problem.ts';

export { anyPeerOf, jwtPeerOf } from './jwt-peer.ts';
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

/** That of `validateJwtSvid`. */
const DEFAULT_LEEWAY_MS = 30_000;

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

/** Options of {@link authorizeJwtUpgrade}. */
export interface AuthorizeJwtUpgradeOptions extends AuthorizeJwtOptions {
  /** Decides what time it is, and when tokens expire. @default systemClock */
  readonly clock?: Clock;
  /**
   * Whether a WebSocket stays when the token that opened it expires: for tokens that are to prove who opens it, and no
   * more. By default it ends then, after `leewayMs`. @default false
   */
  readonly outliveToken?: boolean;
}

/**
 * A listener for `server.on('upgrade', ...)` that makes WebSockets of requests whose token `source` can validate and whose
 * subject `authorize` allows, and answers others with a problem document and a challenge. The token comes in the header
 * `authorization`, and nowhere else. A WebSocket ends when its token expires. The listeners of `connection` learn who it is
 * by `jwtPeerOf(request)`. For both, the certificate and the token, let the gate of the server ask for the certificate.
 *
 * @param webSockets - as of {@link authorizeUpgrade}.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without audience, `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeJwtUpgrade(
  webSockets: UpgradeTarget,
  source: JwtValidator,
  options: AuthorizeJwtUpgradeOptions,
): UpgradeListener {
  requireJwtOptions(options);
  const { outliveToken = false } = options;
  return (request, socket, head) => void admit(request, socket, head);

  async function admit(...[request, socket, head]: Parameters<UpgradeListener>): Promise<void> {
    // Nobody else listens while the token is judged, and a reset must not end the process.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    let peer: JwtPeer;
    try {
      peer = await checkJwt(request, source, options);
    } catch (error) {
      socket.off('error', onError);
      refuse(socket, problemOf(error));
      return;
    }
    socket.off('error', onError);
    if (socket.destroyed) return;
    if (!outliveToken) endWithToken(socket, peer, options);
    webSockets.handleUpgrade(request, socket, head, (client) => {
      webSockets.emit('connection', client, request);
    });
  }
}

/** At once, as connections end with their identities: a close in good order would wait for the other side. */
function endWithToken(
  socket: Duplex,
  { expiry }: JwtPeer,
  { clock = systemClock, leewayMs = DEFAULT_LEEWAY_MS }: AuthorizeJwtUpgradeOptions,
): void {
  const timer = clock.setTimer(() => void socket.destroy(), expiry + leewayMs - clock.now());
  timer.unref();
  socket.once('close', () => timer.clear());
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
