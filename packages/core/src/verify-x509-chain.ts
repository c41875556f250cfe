import { Certificate } from './certificate.ts';
import { KEY_USAGE } from './der/extensions.ts';
import { SpiffeError } from './errors.ts';
import { MOST_CERTIFICATES, type VerifyX509SvidOptions } from './verify-x509-svid.ts';
import { findPath } from './verify/certification-path.ts';
import { readInstant, readRole } from './verify/read-options.ts';

/** A certificate that one of some given authorities vouches for. It has no SPIFFE ID that was looked at. */
export interface VerifiedX509Chain {
  readonly leaf: Certificate;
  /** The leaf first, the anchor last. */
  readonly path: readonly Certificate[];
  readonly anchor: Certificate;
  /** The first instant at which the whole path is valid, in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** The last such instant. */
  readonly notAfter: number;
}

/**
 * Verifies the chain of a peer that has no SPIFFE ID, against authorities that the caller names, by the rules of RFC 5280
 * 6.1. For legacy certificates during a migration: who the peer is has to be told by the names in the leaf. A common name
 * that reads like a host name is held to the constraints on DNS names, too, since it may be taken for one.
 *
 * @param chain - DER certificates, the leaf first, at most 10. Others than the leaf that do not parse are passed over.
 * @param authorities - where a path may end; at least one.
 * @throws {@link SpiffeError} `ERR_CHAIN_*`; `ERR_BUNDLE_EMPTY` without authorities; `ERR_CONFIG_OPTION`.
 */
export function verifyX509Chain(
  chain: Iterable<Uint8Array>,
  authorities: readonly Certificate[],
  options: VerifyX509SvidOptions,
): VerifiedX509Chain {
  const at = readInstant(options.at);
  const role = readRole(options.role);
  // rule: legacy.authorities
  if (authorities.length === 0) {
    throw new SpiffeError('ERR_BUNDLE_EMPTY', 'there is no authority to verify legacy certificates with');
  }
  let target: Certificate | undefined;
  const intermediates: Certificate[] = [];
  let count = 0;
  for (const der of chain) {
    // rule: legacy.most-certificates
    if (++count > MOST_CERTIFICATES) {
      throw new SpiffeError('ERR_CHAIN_TOO_LONG', `want at most ${MOST_CERTIFICATES} certificates, got more`);
    }
    const certificate = parse(der, target === undefined);
    if (certificate === undefined) continue;
    if (target === undefined) target = certificate;
    else intermediates.push(certificate);
  }
  if (target === undefined) {
    throw new SpiffeError('ERR_CHAIN_MALFORMED', 'want a chain of certificates, got none');
  }
  const { keyUsage = KEY_USAGE.digitalSignature } = target.fields.extensions;
  // RFC 8446 4.4.2.2, RFC 5246 7.4.2: whoever proves in a handshake who it is signs with the key of the leaf.
  // rule: legacy.digital-signature
  if ((keyUsage & KEY_USAGE.digitalSignature) === 0) {
    throw new SpiffeError('ERR_CHAIN_LEAF_PROFILE', 'the key usage of the leaf lacks digitalSignature');
  }
  const path = findPath({ target, intermediates, anchors: authorities, at, role, commonNameIsName: true });
  const certificates = Object.freeze([...path.certificates]);
  return Object.freeze({
    leaf: target,
    path: certificates,
    anchor: certificates.at(-1) ?? target,
    notBefore: path.notBefore,
    notAfter: path.notAfter,
  });
}

function parse(der: Uint8Array, isLeaf: boolean): Certificate | undefined {
  try {
    return Certificate.parse(der);
  } catch (cause) {
    if (!isLeaf) return undefined;
    const reason = cause instanceof Error ? cause.message : '';
    throw new SpiffeError('ERR_CHAIN_MALFORMED', `the leaf does not parse: ${reason}`, { cause });
  }
}
