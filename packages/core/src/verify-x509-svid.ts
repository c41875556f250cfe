import { type BundleSet } from './bundle-set.ts';
import { Certificate } from './certificate.ts';
import { SpiffeError } from './errors.ts';
import { type SpiffeId } from './spiffe-id.ts';
import { checkTarget, findPath, type PathQuery } from './verify/certification-path.ts';
import { type Role } from './verify/purpose.ts';
import { readInstant, readRole } from './verify/read-options.ts';
import { readSvidLeaf } from './verify/svid-leaf.ts';
import { VerifiedMemo } from './verify/verified-memo.ts';

/** An X.509-SVID that a trust domain we know vouches for. */
export interface VerifiedX509Svid {
  /** Who it is. */
  readonly id: SpiffeId;
  readonly leaf: Certificate;
  /** The leaf first, the anchor last. */
  readonly path: readonly Certificate[];
  /** The authority of the trust domain of `id` that the path ends at. */
  readonly anchor: Certificate;
  /** The first instant at which the whole path is valid, in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** The last such instant. */
  readonly notAfter: number;
}

/** How to verify an X.509-SVID. */
export interface VerifyX509SvidOptions {
  /** When it has to be valid; a number is in milliseconds since the Unix epoch. */
  readonly at: number | Date;
  /** What the peer is in the connection: its extended key usage, if it has one, must allow that. */
  readonly role: Role;
}

/** @internal */
export const MOST_CERTIFICATES = 10;
const CODES = { profile: 'ERR_CHAIN_LEAF_PROFILE', id: 'ERR_CHAIN_ID' } as const;

// Keyed by the object, so that a changed bundle starts with nothing and a dropped one leaves nothing behind.
const memos = new WeakMap<BundleSet, VerifiedMemo<VerifiedX509Svid>>();

/**
 * Verifies the chain of a peer: the leaf is an X.509-SVID (X509-SVID 5.2) and a path leads from it to an
 * authority of its own trust domain, by the rules of RFC 5280 6.1. Holding the private key is not proven here;
 * the handshake does that. Revocation is not looked at.
 *
 * A leaf that was verified before against the same `bundles` is looked up. Nothing but the leaf is read then, and
 * neither is it when the intermediates above it were on a verified path before.
 *
 * @param chain - DER certificates, the leaf first, at most 10; pulled one by one as they are needed. Others than
 * the leaf that do not parse are passed over.
 * @param bundles - whom to trust, and for which trust domain.
 * @throws {@link SpiffeError} `ERR_CHAIN_MALFORMED`, `ERR_CHAIN_TOO_LONG`, `ERR_CHAIN_LEAF_PROFILE`,
 * `ERR_CHAIN_ID`, `ERR_CHAIN_EXPIRED`, `ERR_CHAIN_NOT_YET_VALID`, `ERR_CHAIN_UNTRUSTED`, `ERR_CHAIN_BUDGET`,
 * `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`; `ERR_CONFIG_OPTION` for options that are none.
 */
export function verifyX509Svid(
  chain: Iterable<Uint8Array>,
  bundles: BundleSet,
  options: VerifyX509SvidOptions,
): VerifiedX509Svid {
  const at = readInstant(options.at);
  const role = readRole(options.role);
  const memo = memos.get(bundles) ?? new VerifiedMemo();
  memos.set(bundles, memo);
  let claim: Claim | undefined;
  const intermediates: Certificate[] = [];
  let count = 0;
  for (const der of chain) {
    // rule: chain.most-certificates
    if (++count > MOST_CERTIFICATES) {
      throw new SpiffeError('ERR_CHAIN_TOO_LONG', `want at most ${MOST_CERTIFICATES} certificates, got more`);
    }
    if (claim !== undefined) {
      const intermediate = parseOrPass(der, memo);
      if (intermediate !== undefined) intermediates.push(intermediate);
      continue;
    }
    const known = der instanceof Uint8Array ? memo.recall(role, der, at) : undefined;
    if (known !== undefined) return known;
    claim = readClaim(der, bundles);
    const verified = proveByMemory(claim, memo.issuers(), at, role);
    if (verified === undefined) continue;
    memo.remember(role, verified);
    return verified;
  }
  // rule: chain.not-empty
  if (claim === undefined)
    throw new SpiffeError('ERR_CHAIN_MALFORMED', 'want a chain of certificates, got none');
  const verified = prove(queryOf(claim, intermediates, at, role), claim.id);
  memo.remember(role, verified);
  return verified;
}

/** What a leaf says of itself, and who could prove it. */
interface Claim {
  readonly id: SpiffeId;
  readonly leaf: Certificate;
  readonly anchors: readonly Certificate[];
}

function readClaim(der: Uint8Array, bundles: BundleSet): Claim {
  const leaf = parseLeaf(der);
  const id = readSvidLeaf(leaf, CODES);
  // Workload API 4.6, Federation 7.3: no authority of another trust domain may vouch for this one.
  const { authorities } = bundles.require(id.trustDomain, { peer: id.toString() });
  return { id, leaf, anchors: authorities };
}

/** New leaves of a known issuer are the usual case, and reading the rest of a chain is not free on every Node.js. */
function proveByMemory(
  claim: Claim,
  issuers: readonly Certificate[],
  at: number,
  role: Role,
): VerifiedX509Svid | undefined {
  checkTarget(queryOf(claim, issuers, at, role));
  try {
    return prove({ ...queryOf(claim, issuers, at, role), byKeyIdOnly: true }, claim.id);
  } catch {
    return undefined; // Whatever is missing may be in the rest of the chain, and if not, that search will tell.
  }
}

function queryOf(claim: Claim, intermediates: readonly Certificate[], at: number, role: Role): PathQuery {
  const { id, leaf, anchors } = claim;
  return { target: leaf, intermediates, anchors, at, role, peer: id.toString() };
}

function prove(query: PathQuery, id: SpiffeId): VerifiedX509Svid {
  const { certificates, notBefore, notAfter } = findPath(query);
  const path = Object.freeze([...certificates]);
  const leaf = query.target;
  return Object.freeze({ id, leaf, path, anchor: path.at(-1) ?? leaf, notBefore, notAfter });
}

function parseLeaf(der: Uint8Array): Certificate {
  try {
    return Certificate.parse(der);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new SpiffeError('ERR_CHAIN_MALFORMED', `the leaf does not parse: ${reason}`, { cause });
  }
}

/** Extra certificates prove nothing by being there, so a broken one is no reason to refuse. */
function parseOrPass(der: Uint8Array, memo: VerifiedMemo<VerifiedX509Svid>): Certificate | undefined {
  try {
    return memo.issuer(der) ?? Certificate.parse(der);
  } catch {
    return undefined;
  }
}
