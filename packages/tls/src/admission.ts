import { type TLSSocket } from 'node:tls';

import {
  type Authorizer,
  checkAuthorized,
  type Clock,
  isSpiffeError,
  publish,
  SpiffeError,
  type VerifiedX509Svid,
  verifyX509Svid,
  type X509Context,
} from '@svidkit/core';

import { peerChain } from './peer-chain.ts';
import { type Peer } from './peer.ts';
import { remember } from './registry.ts';

/** What a connection is judged by. */
export interface AdmissionPolicy {
  /** Which end we are. */
  readonly side: 'client' | 'server';
  readonly authorize: Authorizer;
  readonly clock: Clock;
}

/** An admitted connection: who, by which path, and until when. */
export interface Admission {
  readonly peer: Peer;
  readonly verified: VerifiedX509Svid;
}

/**
 * The one place where a peer is admitted: proves whose connection `socket` is, asks the authorizer, remembers the
 * decision and publishes a yes; the caller publishes a no. `socket.authorized` is set for others and never read.
 *
 * @param own - the generation whose SVID we present on this connection.
 * @param trust - the generation whose bundles judge the peer: the current one.
 * @throws {@link SpiffeError} with the reason; the caller destroys the socket.
 */
export function admit(
  socket: TLSSocket,
  own: X509Context,
  trust: X509Context,
  policy: AdmissionPolicy,
): Admission {
  try {
    // A resumed session shows no chain (and on clients no certificate): it proves nothing about now.
    if (socket.isSessionReused()) {
      throw new SpiffeError(
        'ERR_PEER_RESUMED',
        'the peer resumed a TLS session; only full handshakes are admitted',
      );
    }
    const { verified, peer } = judge(peerChain(socket), trust, policy);
    const until = Math.min(verified.notAfter, own.svid.expiresAt);
    remember(socket, { peer, live: () => policy.clock.now() <= until });
    socket.authorized = true;
    Object.assign(socket, { authorizationError: null });
    publish('svidkit:peer.accepted', () => ({
      side: policy.side,
      generation: own.generation,
      remote: remoteOf(socket),
      id: peer.id.toString(),
    }));
    return { peer, verified };
  } catch (cause) {
    const error = asSpiffeError(cause);
    socket.authorized = false;
    Object.assign(socket, { authorizationError: error });
    throw error;
  }
}

/**
 * Verifies a chain and asks the authorizer.
 *
 * @throws {@link SpiffeError} with the reason.
 */
export function judge(chain: Iterable<Uint8Array>, trust: X509Context, policy: AdmissionPolicy): Admission {
  const role = policy.side === 'server' ? 'client' : 'server';
  const verified = verifyX509Svid(chain, trust.bundles, { at: policy.clock.now(), role });
  checkAuthorized(policy.authorize, verified);
  const peer: Peer = Object.freeze({
    id: verified.id,
    certificate: verified.leaf,
    anchor: verified.anchor,
    notAfter: verified.notAfter,
    role,
    generation: trust.generation,
  });
  return { peer, verified };
}

/** Publishes that a peer was turned away. */
export function publishRejection(
  side: 'client' | 'server',
  generation: number,
  remote: string | undefined,
  error: SpiffeError,
): void {
  publish('svidkit:peer.rejected', () => ({ side, generation, remote, error }));
}

/** Any failure inside admission is a rejection, whatever threw it. */
export function asSpiffeError(cause: unknown): SpiffeError {
  if (isSpiffeError(cause)) return cause;
  return new SpiffeError('ERR_PEER_HANDSHAKE', 'the peer could not be verified', { cause });
}

/** `address:port` of the other end, where the socket has one. */
export function remoteOf(socket: {
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
}): string | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return undefined;
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
