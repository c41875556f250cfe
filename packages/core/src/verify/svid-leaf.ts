import { type Certificate } from '../certificate.ts';
import { KEY_USAGE } from '../der/extensions.ts';
import { SpiffeError, type SpiffeErrorCode, type SpiffeErrorOptions } from '../errors.ts';
import { quote } from '../quote.ts';
import { SpiffeId } from '../spiffe-id.ts';

/** The codes of errors about a leaf: our own credentials are told from what a peer sent. */
export interface LeafCodes {
  /** It is not what a leaf has to be. */
  readonly profile: SpiffeErrorCode;
  /** It does not carry one usable SPIFFE ID. */
  readonly id: SpiffeErrorCode;
}

/**
 * Reads the SPIFFE ID of an X.509-SVID and holds its certificate to the profile of a leaf (X509-SVID 2 to 5). It
 * is unproven: anyone can write any ID.
 *
 * @throws {@link SpiffeError} one of `codes`.
 */
export function readSvidLeaf(
  leaf: Certificate,
  codes: LeafCodes,
  options: SpiffeErrorOptions = {},
): SpiffeId {
  const id = readId(leaf, codes, options);
  const problem = profileProblem(leaf);
  // rule: leaf.profile
  if (problem !== undefined) {
    throw new SpiffeError(codes.profile, `the certificate of ${id.toString()} is no X.509-SVID: ${problem}`, {
      peer: id.toString(),
      ...options,
    });
  }
  return id;
}

function readId(leaf: Certificate, codes: LeafCodes, options: SpiffeErrorOptions): SpiffeId {
  const [uri, ...others] = leaf.uriSans;
  // X509-SVID 2
  if (uri === undefined)
    throw new SpiffeError(codes.id, 'want one URI name in the certificate, got none', options);
  // X509-SVID 2, 5.2: more than one is refused, whatever they are.
  // rule: leaf.one-uri
  if (others.length > 0) {
    throw new SpiffeError(
      codes.id,
      `want one URI name in the certificate, got ${leaf.uriSans.length}`,
      options,
    );
  }
  const id = parseId(uri, codes, options);
  // X509-SVID 3.1, 5.2: the ID of a trust domain itself is for signing certificates.
  // rule: leaf.path
  if (id.path === '')
    throw new SpiffeError(codes.id, `want a SPIFFE ID with a path, got ${quote(uri)}`, options);
  return id;
}

function parseId(uri: string, codes: LeafCodes, options: SpiffeErrorOptions): SpiffeId {
  try {
    return SpiffeId.parse(uri);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw new SpiffeError(codes.id, `the URI name of the certificate is no SPIFFE ID: ${reason}`, {
      ...options,
      cause,
    });
  }
}

function profileProblem(leaf: Certificate): string | undefined {
  const usage = leaf.fields.extensions.keyUsage ?? 0;
  // X509-SVID 4.1, 5.2
  // rule: leaf.not-ca
  if (leaf.isCa) return 'it is a CA';
  // X509-SVID 4.3: set in every SVID, so without a key usage it is not one.
  // rule: leaf.digital-signature
  if ((usage & KEY_USAGE.digitalSignature) === 0) return 'its key usage lacks digitalSignature, or is absent';
  // X509-SVID 4.3, 5.2
  // rule: leaf.no-key-cert-sign
  if ((usage & KEY_USAGE.keyCertSign) !== 0) return 'its key usage has keyCertSign';
  // rule: leaf.no-crl-sign
  if ((usage & KEY_USAGE.cRLSign) !== 0) return 'its key usage has cRLSign';
  return undefined;
}
