import { isIP } from 'node:net';

import {
  type AuthorizedSubject,
  type Authorizer,
  Certificate,
  checkAuthorized,
  type Clock,
  type DenyList,
  isSpiffeError,
  publish,
  SpiffeError,
  type SpiffeErrorOptions,
  type SpiffeId,
  verifyX509Chain,
  verifyX509Svid,
} from '@svidkit/core';

import { type Credential, isLegacy, type Trust } from './identity.ts';
import { legacyName, type LegacyMatcher } from './legacy-identity.ts';
import { type LegacyPeer, type Peer } from './peer.ts';

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
  /** Clients: the only kind to admit now; a peer of the other kind that is in order ends in {@link OtherKind}. */
  readonly only?: 'spiffe' | 'legacy' | undefined;
}

/** A peer that would be admitted, were it not of the kind that was not asked for. No decision has been published. */
export class OtherKind extends Error {
  override readonly name = 'OtherKind';
}

/** An admitted peer, with the path that proved it. */
export interface Admission {
  readonly peer: Peer | LegacyPeer;
  /** The leaf first, the anchor last. */
  readonly path: readonly Certificate[];
  /** Who let it in, to be asked again when anything changes. */
  readonly authorize: Authorizer;
}

/** Notes the name of a peer once it is proven, for the event about a refusal. */
type Note = (name: string) => void;

/**
 * Verifies a chain, asks the deny list and the authorizer, and publishes the decision where legacy and SPIFFE certificates
 * coexist.
 *
 * @throws {@link SpiffeError} with the reason.
 */
export function judge(
  chain: Iterable<Uint8Array>,
  own: Credential | undefined,
  trust: Trust,
  policy: AdmissionPolicy,
): Admission {
  if (!trust.migrating) return judgeSpiffe(chain, trust, policy, () => {});
  let kind: 'spiffe' | 'legacy' | 'none' = 'none';
  let proven: string | undefined;
  const note: Note = (name) => (proven = name);
  const decided = (result: 'accepted' | 'rejected' | 'would-reject', error?: SpiffeError): void =>
    publish('svidkit:migration.decision', () => ({
      side: policy.side,
      kind,
      presented: own !== undefined && isLegacy(own) ? 'legacy' : 'spiffe',
      mode: trust.mode,
      peer: proven,
      result,
      error,
    }));
  let admission: Admission;
  try {
    const seen = peek(chain);
    kind = seen.kind;
    const byKind = kind === 'legacy' ? judgeLegacy : judgeSpiffe;
    admission = byKind(seen.chain, trust, policy, note);
  } catch (cause) {
    const error = asSpiffeError(cause);
    decided('rejected', error);
    throw error;
  }
  const { peer } = admission;
  if (policy.only !== undefined && policy.only !== peer.kind) throw new OtherKind();
  const error = peer.kind === 'spiffe' ? peer.dryRunError : undefined;
  decided(error === undefined ? 'accepted' : 'would-reject', error);
  return admission;
}

/** Why a peer would not be admitted any more; undefined: it would. */
export function lossOf(
  { peer, path, authorize }: Admission,
  trust: Trust,
  { clock, side }: Pick<AdmissionPolicy, 'clock' | 'side'>,
): 'authority-removed' | 'legacy-refused' | 'unauthorized' | undefined {
  const ders = path.map((certificate) => certificate.der);
  const options = { at: clock.now(), role: peer.role };
  if (peer.kind === 'legacy') {
    const isBelieved = holds(() => {
      const { authorities, clients } = requireLegacy(trust);
      if (!isAmong(authorities, peer.anchor)) verifyX509Chain(ders, authorities, options);
      if (peer.role === 'client') checkMatch(clients, peer.certificate, peer.name);
    });
    return isBelieved ? undefined : 'legacy-refused';
  }
  const { id, certificate: leaf, anchor } = peer;
  // Without a source nobody can be judged by it: what was admitted lives to its deadline.
  const bundles = trust.spiffe?.bundles;
  if (bundles !== undefined && bundles.get(id.trustDomain)?.has(anchor) !== true) {
    // Its authority is gone; another authority may vouch for the same chain (a cross-signed one).
    if (!holds(() => verifyX509Svid(ders, bundles, options))) return 'authority-removed';
  }
  if (trust.dryRun && side === 'server') return undefined;
  return holds(() => checkAuthorized(authorize, { id, leaf })) ? undefined : 'unauthorized';
}

function isAmong(authorities: readonly Certificate[], anchor: Certificate): boolean {
  return authorities.some(({ fingerprint256 }) => fingerprint256 === anchor.fingerprint256);
}

function holds(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

function judgeSpiffe(
  chain: Iterable<Uint8Array>,
  trust: Trust,
  policy: AdmissionPolicy,
  note: Note,
): Admission {
  const { authorize } = policy;
  const role = policy.side === 'server' ? 'client' : 'server';
  const verified = verifyX509Svid(chain, requireSpiffe(trust).bundles, { at: policy.clock.now(), role });
  const { id, leaf: certificate, anchor, notAfter, path } = verified;
  note(id.toString());
  checkDenied(policy.deny, verified);
  const dryRunError = authorizationError(verified, trust.dryRun && policy.side === 'server', authorize);
  const generation = trust.number;
  return {
    peer: Object.freeze({ kind: 'spiffe', id, certificate, anchor, notAfter, role, generation, dryRunError }),
    path,
    authorize,
  };
}

/** A peer without a SPIFFE ID: believed only where legacy exists, and told by its names. */
function judgeLegacy(
  chain: Iterable<Uint8Array>,
  trust: Trust,
  policy: AdmissionPolicy,
  note: Note,
): Admission {
  const { authorities, clients } = requireLegacy(trust);
  const role = policy.side === 'server' ? 'client' : 'server';
  const { leaf, anchor, path, notAfter } = verifyX509Chain(chain, authorities, {
    at: policy.clock.now(),
    role,
  });
  const name = legacyName(leaf);
  note(name);
  checkDenied(policy.deny, { id: undefined, leaf });
  if (role === 'client') checkMatch(clients, leaf, name);
  else if (!isValidFor(leaf, policy.host)) {
    throw notAuthorized(name, `its certificate is not valid for ${policy.host || 'an unknown host'}`, {
      hint: 'Dial it by a name that is in its certificate, or wait until it has a SPIFFE identity.',
    });
  }
  const generation = trust.number;
  return {
    peer: Object.freeze({ kind: 'legacy', name, certificate: leaf, anchor, notAfter, role, generation }),
    path,
    authorize: policy.authorize,
  };
}

/** The door of {@link LegacyMatcher}: a throw and whatever is not `true` are refusals. */
function checkMatch(clients: LegacyMatcher | undefined, leaf: Certificate, name: string): void {
  let isMatch: boolean;
  try {
    isMatch = clients?.matches(leaf) === true;
  } catch (cause) {
    throw notAuthorized(name, 'the matcher failed', {
      blame: 'caller',
      cause,
      hint: 'A matcher answers synchronously with true or false.',
    });
  }
  if (isMatch) return;
  throw notAuthorized(name, `want ${clients?.description ?? 'no legacy client at all'}`, {
    hint: 'If it should be let in, change what is given as `clients` of the legacy identity.',
  });
}

function notAuthorized(name: string, problem: string, options: SpiffeErrorOptions): SpiffeError {
  const message = `the legacy peer ${name} is not authorized: ${problem}`;
  return new SpiffeError('ERR_PEER_UNAUTHORIZED', message, { peer: name, ...options });
}

function requireSpiffe(trust: Trust): NonNullable<Trust['spiffe']> {
  if (trust.spiffe !== undefined) return trust.spiffe;
  throw trust.failure;
}

function requireLegacy(trust: Trust): NonNullable<Trust['legacy']> {
  if (trust.legacy !== undefined) return trust.legacy;
  throw new SpiffeError('ERR_CHAIN_ID', 'the peer has no SPIFFE ID, and legacy peers are not admitted', {
    blame: 'peer',
    hint: 'It has to move to its SPIFFE identity; until then use permissive mode.',
  });
}

function checkDenied(
  deny: DenyList | undefined,
  peer: { readonly id: SpiffeId | undefined; readonly leaf: Certificate },
): void {
  const reason = deny?.reason(peer);
  if (reason === undefined) return;
  const name = peer.id?.toString() ?? legacyName(peer.leaf);
  throw new SpiffeError('ERR_PEER_DENIED', `peer ${name} is denied: ${reason}`, { peer: name });
}

function authorizationError(
  verified: AuthorizedSubject,
  onlyReport: boolean,
  authorize: Authorizer,
): SpiffeError | undefined {
  try {
    checkAuthorized(authorize, verified);
    return undefined;
  } catch (cause) {
    if (!onlyReport) throw cause;
    return asSpiffeError(cause);
  }
}

/** Tells by the leaf what kind of peer it is. The rest of the chain is still unread, and is so until it is needed. */
function peek(chain: Iterable<Uint8Array>): {
  readonly chain: Iterable<Uint8Array>;
  readonly kind: 'spiffe' | 'legacy';
} {
  const rest = chain[Symbol.iterator]();
  const leaf = rest.next();
  if (leaf.done === true) return { chain: [], kind: 'spiffe' };
  return { chain: behind(leaf.value, rest), kind: isSpiffe(leaf.value) ? 'spiffe' : 'legacy' };
}

function* behind(leaf: Uint8Array, rest: Iterator<Uint8Array>): Generator<Uint8Array> {
  yield leaf;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

/**
 * Whoever claims to have a SPIFFE ID is held to it, whatever else is in the certificate, and however it is spelt: with
 * whatever lenient readers of URIs pass over.
 */
function isSpiffe(leaf: Uint8Array): boolean {
  try {
    return Certificate.parse(leaf).uriSans.some((uri) =>
      uri
        .replaceAll(/[^!-~]/g, '')
        .toLowerCase()
        .startsWith('spiffe:'),
    );
  } catch {
    return true;
  }
}

/** By node:crypto, after our verifier has accepted the chain. */
function isValidFor(leaf: Certificate, host: string | undefined): boolean {
  // OpenSSL takes a leading dot for everything below.
  if (host === undefined || host === '' || host.startsWith('.')) return false;
  if (isIP(host) !== 0) return leaf.x509.checkIP(host) !== undefined;
  return leaf.x509.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
}

/** Any failure inside admission is a rejection, whatever threw it. */
export function asSpiffeError(cause: unknown): SpiffeError {
  if (isSpiffeError(cause)) return cause;
  return new SpiffeError('ERR_PEER_HANDSHAKE', 'the peer could not be verified', { cause });
}
