import { type Socket } from 'node:net';

import { type Certificate, SpiffeError, type SpiffeId } from '@svidkit/core';

import { type Admitted, registry } from './registry.ts';

/** The proven SPIFFE identity of the other end of one connection. */
export interface Peer {
  readonly kind: 'spiffe';
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
  /** Why it would have been refused, had authorization not only reported; undefined: it was authorised. */
  readonly dryRunError: SpiffeError | undefined;
}

/** The other end of a connection that was admitted by a legacy certificate. It has no SPIFFE ID. */
export interface LegacyPeer {
  readonly kind: 'legacy';
  /** A name from its certificate, for logs. */
  readonly name: string;
  /** Its certificate, whose names were matched. */
  readonly certificate: Certificate;
  /** The legacy authority that its chain ends in. */
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
 * guess), `ERR_PEER_EXPIRED` when an SVID of the connection has expired since, `ERR_PEER_LEGACY` when it was admitted by
 * a legacy certificate and so has no SPIFFE ID.
 */
export function peerOf(holder: SocketHolder | null | undefined): Peer {
  const peer = anyPeerOf(holder);
  if (peer.kind === 'spiffe') return peer;
  throw new SpiffeError(
    'ERR_PEER_LEGACY',
    `this peer has a legacy certificate (${peer.name}) and no SPIFFE ID`,
    {
      hint: 'Ask anyPeerOf() where legacy peers are meant to be served.',
    },
  );
}

/**
 * The verified peer of a connection, be it a SPIFFE or a legacy one: look at its `kind`.
 *
 * @param holder - a socket, or what leads to one.
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED`, `ERR_PEER_EXPIRED`.
 */
export function anyPeerOf(holder: SocketHolder | null | undefined): Peer | LegacyPeer {
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
    const name = peerName(found.peer);
    throw new SpiffeError('ERR_PEER_EXPIRED', `a certificate of the connection with ${name} has expired`, {
      peer: name,
    });
  }
  return found.peer;
}

/** How to call a peer in messages and events. */
export function peerName(peer: Peer | LegacyPeer): string {
  return peer.kind === 'spiffe' ? peer.id.toString() : peer.name;
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
