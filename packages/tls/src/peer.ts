import { type Socket } from 'node:net';

import { type Certificate, SpiffeError, type SpiffeId } from '@svidkit/core';

import { type Admitted, registry } from './registry.ts';

/** The proven identity of the other end of one connection. */
export interface Peer {
  /** Its SPIFFE ID. */
  readonly id: SpiffeId;
  /** Its X.509-SVID. */
  readonly certificate: Certificate;
  /** The authority of its own trust domain's bundle that its chain ends in. */
  readonly anchor: Certificate;
  /** Until when its chain is valid, in milliseconds since the Unix epoch. */
  readonly notAfter: number;
  /** Which end it is. */
  readonly role: 'client' | 'server';
  /** The generation of our own identity when it was admitted. */
  readonly generation: number;
}

/**
 * Anything that leads to a connection: a socket, a request or response of HTTP/1 on either side, a request, stream or
 * session of HTTP/2.
 */
export type SocketHolder =
  | Socket
  | { readonly socket?: Socket | null | undefined }
  | { readonly session?: object | undefined }
  | { readonly stream?: { readonly session?: object | undefined } };

/**
 * The verified peer of a connection.
 *
 * @param holder - a socket, or what leads to one.
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED` when the connection was not admitted by svidkit (never a
 * guess), `ERR_PEER_EXPIRED` when an SVID of the connection has expired since.
 */
export function peerOf(holder: SocketHolder | null | undefined): Peer {
  const found = find(holder);
  if (found === undefined) {
    throw new SpiffeError(
      'ERR_PEER_UNVERIFIED',
      'this connection was not admitted by svidkit, so its peer is unknown',
      {
        hint: 'Serve with createHttpsServer, createTlsServer or secureServer, and connect with connectTls or createHttpsAgent.',
      },
    );
  }
  if (!found.live()) {
    throw new SpiffeError(
      'ERR_PEER_EXPIRED',
      `an SVID of the connection with ${found.peer.id.toString()} has expired`,
      {
        peer: found.peer.id.toString(),
      },
    );
  }
  return found.peer;
}

function find(holder: SocketHolder | null | undefined): Admitted | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined;
  const { admitted } = registry();
  const direct = admitted.get(holder);
  if (direct !== undefined) return direct;
  const { socket, session, stream } = holder as {
    readonly socket?: object | null;
    readonly session?: object;
    readonly stream?: { readonly session?: object };
  };
  // In HTTP/2 `socket` is a stand-in; the session is the real thing.
  for (const candidate of [stream?.session, session, socket]) {
    const found = candidate ? admitted.get(candidate) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
