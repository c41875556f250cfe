import { parseSpiffeBundles, type SpiffeBundles, type TrustDomain, X509Bundle } from '@svidkit/core';

/** What a SPIFFE bundle document says of a trust domain beside its X.509 authorities. */
export interface BundleFacts {
  /** Which version of the bundle it is; undefined when it does not say. */
  readonly sequence: bigint | undefined;
  /** The key IDs of its authorities for JWT-SVIDs. */
  readonly jwtKeyIds: readonly string[];
  /**
   * Whether it says that there is no authority, which no document that is cut off can say. One that has entries of which
   * none can be used says nothing: it is another document, or a damaged one.
   */
  readonly revokes: boolean;
}

/** The X.509 authorities of one trust domain in a file. */
interface BundleInFile {
  readonly bundle: X509Bundle;
  /** Why entries of the file were left out. */
  readonly skipped: readonly string[];
  /** Undefined for PEM. */
  readonly facts: BundleFacts | undefined;
}

/** How bundles stand in a file. */
export type BundleFormat = 'pem' | SpiffeBundles['format'];

/** A file with bundles. */
export interface BundleFile {
  readonly format: BundleFormat;
  /** By the names of their trust domains. */
  readonly bundles: ReadonlyMap<string, BundleInFile>;
}

/** What may stand before a JSON value: space, tab, line feed, carriage return. */
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const BRACE = 0x7b;

/**
 * Reads a file with bundles, whatever its name: PEM, a SPIFFE bundle (`keys`) or a bundle map (`trust_domains`).
 *
 * @param trustDomain - whose bundle it is when the file does not say. Without, only a bundle map will do.
 * @throws {@link SpiffeError} `ERR_PEM_INVALID`, `ERR_BUNDLE_INVALID`.
 */
export function parseBundleFile(
  bytes: Uint8Array,
  trustDomain: TrustDomain | undefined,
  file: string,
): BundleFile {
  if (trustDomain !== undefined && !isJsonObject(bytes)) {
    const bundle = X509Bundle.fromPem(trustDomain, bytes, { file });
    const { skipped } = bundle;
    return { format: 'pem', bundles: new Map([[trustDomain.name, { bundle, skipped, facts: undefined }]]) };
  }
  const { format, bundles } = parseSpiffeBundles(bytes, trustDomain);
  const found = new Map<string, BundleInFile>();
  for (const [name, { x509, jwt, sequence, skipped }] of bundles) {
    // What concerns JWT-SVIDs alone is no matter of a source of X.509-SVIDs.
    const leftOut = skipped.filter((reason) => !jwt.skipped.includes(reason));
    found.set(name, {
      bundle: x509,
      skipped: leftOut,
      facts: {
        sequence,
        jwtKeyIds: [...jwt.authorities.keys()],
        revokes: x509.isEmpty && leftOut.length === 0,
      },
    });
  }
  return { format, bundles: found };
}

/** PEM can have text before its blocks, but what begins with a brace is none. */
function isJsonObject(bytes: Uint8Array): boolean {
  return bytes[bytes.findIndex((byte) => !BLANKS.has(byte))] === BRACE;
}
