import { type Peer, peerOf as peerOfConnection } from '@svidkit/tls';

/** A call on a server, as handlers and interceptors get it. */
export interface CallHolder {
  getAuthContext(): object;
}

/**
 * The verified peer of a call, in its handler or in an interceptor of the server.
 *
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED` when the call did not come over a connection that svidkit admitted,
 * `ERR_PEER_EXPIRED` when an SVID of the connection has expired since.
 */
export function peerOf(call: CallHolder): Peer {
  // What is found there counts only because the session itself was recorded when it was admitted.
  return peerOfConnection(call.getAuthContext());
}
