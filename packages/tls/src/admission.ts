import { type TLSSocket } from 'node:tls';

import { type Certificate, publish, SpiffeError } from '@svidkit/core';

import { type Credential, type Trust } from './identity.ts';
import { type Admission, type AdmissionPolicy, asSpiffeError, judge, OtherKind } from './judge.ts';
import { peerChain } from './peer-chain.ts';
import { peerName } from './peer.ts';
import { remember } from './registry.ts';

/**
 * The one place where a peer is admitted: proves whose connection `socket` is, asks the authorizer, remembers the
 * decision and publishes a yes; the caller publishes a no. `socket.authorized` is set for others and never read.
 *
 * @param own - what we present on this connection; undefined: nothing.
 * @param trust - the generation that judges the peer: the current one.
 * @param resumed - clients: the path that proved the server of the session that was offered.
 * @throws {@link SpiffeError} with the reason, or {@link OtherKind}; the caller destroys the socket.
 */
export function admit(
  socket: TLSSocket,
  own: Credential | undefined,
  trust: Trust,
  policy: AdmissionPolicy,
  resumed?: readonly Certificate[],
): Admission {
  try {
    // A resumed session shows no chain (and on clients no certificate): by itself it proves nothing about now.
    const isResumed = socket.isSessionReused();
    if (isResumed && !(policy.resumption && (policy.side === 'server' || resumed !== undefined))) {
      throw new SpiffeError(
        'ERR_PEER_RESUMED',
        'the peer resumed a TLS session; only full handshakes are admitted',
      );
    }
    const chain = isResumed && resumed !== undefined ? resumed.map(({ der }) => der) : peerChain(socket);
    const admission = judge(chain, own, trust, policy);
    const { peer } = admission;
    const until = Math.min(peer.notAfter, own?.expiresAt ?? Infinity);
    remember(socket, { peer, live: () => policy.clock.now() <= until });
    socket.authorized = true;
    Object.assign(socket, { authorizationError: null });
    publish('svidkit:peer.accepted', () => ({
      side: policy.side,
      generation: trust.number,
      remote: remoteOf(socket),
      kind: peer.kind,
      id: peerName(peer),
      group: groupOf(socket),
    }));
    return admission;
  } catch (cause) {
    const error = cause instanceof OtherKind ? cause : asSpiffeError(cause);
    socket.authorized = false;
    Object.assign(socket, { authorizationError: error });
    throw error;
  }
}

function groupOf(socket: TLSSocket): string | undefined {
  const info: unknown = socket.getEphemeralKeyInfo();
  return typeof info === 'object' && info !== null && 'name' in info ? String(info.name) : undefined;
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

/** `address:port` of the other end, where the socket has one. */
export function remoteOf(socket: {
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
}): string | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined) return undefined;
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}
