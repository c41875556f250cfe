import { Certificate } from './certificate.ts';
import { SpiffeError } from './errors.ts';
import { parsePem } from './pem.ts';
import { quote } from './quote.ts';

const KEY_LABELS = new Set([
  'PRIVATE KEY',
  'EC PRIVATE KEY',
  'RSA PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'EC PARAMETERS',
]);
// What a mount can hold; peers take no more than 10 anyway.
export const MOST_CERTIFICATES = 64;

/**
 * The certificates of a PEM text, which may be a whole credential bundle with the key.
 *
 * @throws {@link SpiffeError} `ERR_PEM_INVALID`, `ERR_SVID_CERTIFICATE_INVALID`.
 */
export function certificateBlocks(
  text: string | Uint8Array,
  where: { readonly file?: string },
): Uint8Array[] {
  const ders: Uint8Array[] = [];
  for (const { label, der } of parsePem(text, where)) {
    if (label === 'CERTIFICATE') ders.push(der);
    // rule: svid.labels
    else if (!KEY_LABELS.has(label)) {
      throw new SpiffeError(
        'ERR_SVID_CERTIFICATE_INVALID',
        `want CERTIFICATE blocks, got ${quote(label)}`,
        where,
      );
    }
  }
  return ders;
}

/**
 * Reads certificates of our own, of which there must be at least one.
 *
 * @throws {@link SpiffeError} `ERR_SVID_CERTIFICATE_INVALID`.
 */
export function parseAll(
  ders: readonly Uint8Array[],
  where: { readonly file?: string },
): readonly Certificate[] {
  if (ders.length === 0) return [requireLeaf(where)];
  // rule: svid.most-certificates
  if (ders.length > MOST_CERTIFICATES)
    throw invalidCertificates(`want at most ${MOST_CERTIFICATES}, got ${ders.length}`, where);
  return ders.map((der, index) => {
    try {
      return Certificate.parse(der);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : '';
      throw invalidCertificates(`number ${index + 1} does not parse: ${reason}`, where, cause);
    }
  });
}

/** For a list that has no leaf. */
export function requireLeaf(where: { readonly file?: string }): never {
  throw invalidCertificates('want a leaf, got no certificate', where);
}

export function invalidCertificates(
  problem: string,
  where: { readonly file?: string },
  cause?: unknown,
): SpiffeError {
  return new SpiffeError('ERR_SVID_CERTIFICATE_INVALID', `the certificates of the X.509-SVID: ${problem}`, {
    ...where,
    ...(cause === undefined ? {} : { cause }),
  });
}
