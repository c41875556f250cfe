import {
  type Authorizer,
  Certificate,
  checkAuthorized,
  type Clock,
  type DenyList,
  isSpiffeError,
  publish,
  SpiffeError,
  verifyX509Chain,
  verifyX509Svid,
} from '@svidkit/core';

import { type Credential, type Generation, isLegacy } from './identity.ts';
import { legacyName } from './legacy-identity.ts';
import { type LegacyPeer, type Peer, peerName } from './peer.ts';

/** What a connection is judged by. */
export interface AdmissionPolicy {
  /** Which end we are. */
  readonly side: 'client' | 'server';
  readonly authorize: Authorizer;
  readonly clock: Clock;
  readonly deny: DenyList | undefined;
  /** Whether a resumed session may be admitted: it is judged like any other, by what is remembered of its chain. */
  readonly resumption: boolean;
  /** Clients: the host that was dialled, which a legacy server has to be. */
  readonly host?: string | undefined;
}

/** An admitted peer, with the path that proved it. */
export interface Admission {
  readonly peer: Peer | LegacyPeer;
  /** The leaf first, the anchor last. */
  readonly path: readonly Certificate[];
}

/**
 * Verifies a chain, asks the deny list and the authorizer, and publishes the decision where legacy and SPIFFE certificates
 * coexist.
 *
 * @throws {@link SpiffeError} with the reason.
 */
export function judge(
  chain: Iterable<Uint8Array>,
  own: Credential,
  trust: Generation,
  policy: AdmissionPolicy,
): Admission {
  if (!trust.migrating) return judgeSpiffe(chain, trust, policy);
  const { certificates, kind } = peek(chain);
  const decided = (
    result: 'accepted' | 'rejected' | 'would-reject',
    peer?: string,
    error?: SpiffeError,
  ): void =>
    publish('svidkit:migration.decision', () => ({
      side: policy.side,
      kind,
      presented: isLegacy(own) ? 'legacy' : 'spiffe',
      mode: trust.mode,
      peer,
      result,
      error,
    }));
  try {
    const admission =
      kind === 'legacy' ? judgeLegacy(certificates, trust, policy) : judgeSpiffe(certificates, trust, policy);
    const { peer } = admission;
    const error = peer.kind === 'spiffe' ? peer.dryRunError : undefined;
    decided(error === undefined ? 'accepted' : 'would-reject', peerName(peer), error);
    return admission;
  } catch (cause) {
    const error = asSpiffeError(cause);
    decided('rejected', error.peer, error);
    throw error;
  }
}

/** Whether the path of a peer would still be believed, and the peer still be let in. */
export function stillTrusted(
  { peer, path }: Admission,
  trust: Generation,
  policy: Pick<AdmissionPolicy, 'clock' | 'side'>,
): boolean {
  try {
    const ders = path.map((certificate) => certificate.der);
    if (peer.kind === 'legacy') {
      const { authorities, clients } = requireLegacy(trust);
      verifyX509Chain(ders, authorities, { at: policy.clock.now(), role: peer.role });
      return peer.role === 'server' || clients?.matches(peer.certificate) === true;
    }
    const { bundles } = requireSpiffe(trust);
    if (bundles.get(peer.id.trustDomain)?.has(peer.anchor) === true) return true;
    // Its authority is gone; another authority may vouch for the same chain (a cross-signed one).
    verifyX509Svid(ders, bundles, { at: policy.clock.now(), role: peer.role });
    return true;
  } catch {
    return false;
  }
}

function judgeSpiffe(chain: Iterable<Uint8Array>, trust: Generation, policy: AdmissionPolicy): Admission {
  const role = policy.side === 'server' ? 'client' : 'server';
  const verified = verifyX509Svid(chain, requireSpiffe(trust).bundles, { at: policy.clock.now(), role });
  checkDenied(policy.deny, verified);
  const dryRunError = authorizationError(verified, trust.dryRun && policy.side === 'server', policy);
  const { id, leaf: certificate, anchor, notAfter, path } = verified;
  const generation = trust.number;
  return {
    peer: Object.freeze({ kind: 'spiffe', id, certificate, anchor, notAfter, role, generation, dryRunError }),
    path,
  };
}

/** A peer without a SPIFFE ID: believed only where legacy exists, and told by its names. */
function judgeLegacy(chain: readonly Uint8Array[], trust: Generation, policy: AdmissionPolicy): Admission {
  const { authorities, clients } = requireLegacy(trust);
  const role = policy.side === 'server' ? 'client' : 'server';
  const { leaf, anchor, path, notAfter } = verifyX509Chain(chain, authorities, {
    at: policy.clock.now(),
    role,
  });
  checkDenied(policy.deny, { id: undefined, leaf });
  const name = legacyName(leaf);
  const problem =
    role === 'client'
      ? clients?.matches(leaf) === true
        ? undefined
        : `want ${clients?.description ?? 'no legacy client at all'}`
      : isValidFor(leaf, policy.host)
        ? undefined
        : `its certificate is not valid for ${policy.host ?? 'an unknown host'}`;
  if (problem !== undefined) {
    throw new SpiffeError('ERR_PEER_UNAUTHORIZED', `the legacy peer ${name} is not authorized: ${problem}`, {
      peer: name,
    });
  }
  const generation = trust.number;
  return {
    peer: Object.freeze({ kind: 'legacy', name, certificate: leaf, anchor, notAfter, role, generation }),
    path,
  };
}

function requireSpiffe(trust: Generation): NonNullable<Generation['spiffe']> {
  if (trust.spiffe !== undefined) return trust.spiffe;
  throw trust.failure;
}

function requireLegacy(trust: Generation): NonNullable<Generation['legacy']> {
  if (trust.legacy !== undefined) return trust.legacy;
  throw new SpiffeError('ERR_CHAIN_ID', 'the peer has no SPIFFE ID, and legacy peers are not admitted', {
    blame: 'peer',
    hint: 'It has to move to its SPIFFE identity; until then use permissive mode.',
  });
}

function checkDenied(deny: DenyList | undefined, peer: Parameters<DenyList['reason']>[0]): void {
  const reason = deny?.reason(peer);
  if (reason === undefined) return;
  const name = peer.id?.toString() ?? legacyName(peer.leaf);
  throw new SpiffeError('ERR_PEER_DENIED', `peer ${name} is denied: ${reason}`, { peer: name });
}

function authorizationError(
  verified: Parameters<typeof checkAuthorized>[1],
  onlyReport: boolean,
  { authorize }: AdmissionPolicy,
): SpiffeError | undefined {
  try {
    checkAuthorized(authorize, verified);
    return undefined;
  } catch (cause) {
    if (!onlyReport) throw cause;
    return asSpiffeError(cause);
  }
}

/** Reads a chain as far as a verifier would, and tells by the leaf what kind of peer it is. */
function peek(chain: Iterable<Uint8Array>): {
  certificates: readonly Uint8Array[];
  kind: 'spiffe' | 'legacy';
} {
  const certificates: Uint8Array[] = [];
  for (const der of chain) {
    certificates.push(der);
    // One more than any verifier takes, so that it refuses.
    if (certificates.length > 10) break;
  }
  return { certificates, kind: isSpiffe(certificates[0]) ? 'spiffe' : 'legacy' };
}

/** Whoever claims to have a SPIFFE ID is held to it, whatever else is in the certificate. */
function isSpiffe(leaf: Uint8Array | undefined): boolean {
  try {
    return leaf === undefined || Certificate.parse(leaf).uriSans.some((uri) => /^spiffe:/i.test(uri));
  } catch {
    return true;
  }
}

/** By node:crypto, after our verifier has accepted the chain. */
function isValidFor(leaf: Certificate, host: string | undefined): boolean {
  if (host === undefined || host === '') return false;
  return (
    leaf.x509.checkHost(host, { subject: 'never' }) !== undefined || leaf.x509.checkIP(host) !== undefined
  );
}

/** Any failure inside admission is a rejection, whatever threw it. */
export function asSpiffeError(cause: unknown): SpiffeError {
  if (isSpiffeError(cause)) return cause;
  return new SpiffeError('ERR_PEER_HANDSHAKE', 'the peer could not be verified', { cause });
}
