import { badBundle } from './bundle-json.ts';
import { type Certificate } from './certificate.ts';
import { type SpiffeBundle } from './spiffe-bundle.ts';

/**
 * Writes a bundle as the JSON document that its trust domain publishes, which {@link parseBundleDocument} reads back.
 * Nothing is in it but what the standards define.
 *
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` for an authority whose key this Node.js cannot write as JWK.
 * @see Trust Domain and Bundle 4, X509-SVID 6.1, JWT-SVID 6.1
 */
export function formatBundleDocument(bundle: SpiffeBundle): string {
  return formatBundle(bundle, true);
}

/** @param withHint - whether the refresh hint is written, which has no place in a bundle map. */
export function formatBundle(bundle: SpiffeBundle, withHint: boolean): string {
  const { x509, jwt, sequence, refreshHint } = bundle;
  const keys = [
    ...x509.authorities.map(x509Entry),
    ...Array.from(jwt.authorities, ([keyId, key]) => {
      const { kty, ...numbers } = key.export({ format: 'jwk' });
      return { kty, use: 'jwt-svid', kid: keyId, ...numbers };
    }),
  ];
  // By hand, because JSON.stringify cannot write a bigint.
  const members = [
    ...(sequence === undefined ? [] : [`"spiffe_sequence":${sequence}`]),
    ...(refreshHint === undefined || !withHint ? [] : [`"spiffe_refresh_hint":${refreshHint}`]),
    `"keys":${JSON.stringify(keys)}`,
  ];
  return `{${members.join(',')}}`;
}

/** X509-SVID 6.1: exactly one certificate, in the base64 of RFC 4648 4, and no `kid`. */
function x509Entry(authority: Certificate): Record<string, unknown> {
  const { kty, ...numbers } = exported(authority);
  const { buffer, byteOffset, byteLength } = authority.der;
  const x5c = [Buffer.from(buffer, byteOffset, byteLength).toString('base64')];
  return { kty, use: 'x509-svid', ...numbers, x5c };
}

function exported(authority: Certificate): Record<string, unknown> {
  try {
    return { ...authority.publicKey.export({ format: 'jwk' }) };
  } catch (cause) {
    throw badBundle('keys that can be written as JWK', authority.keyType, { blame: 'environment', cause });
  }
}
