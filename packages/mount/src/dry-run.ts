// Loaded before anything asks a certificate for its legacy object: the other way round, Node.js 22 to 26 leave
// `tls.createSecureContext` undefined for the whole process.
import { createSecureContext } from 'node:tls';

import { SpiffeError, type X509Bundle, type X509Svid } from '@svidkit/core';

/**
 * Proves that TLS takes the identity, before it replaces one that works.
 *
 * @throws {@link SpiffeError} `ERR_SVID_CERTIFICATE_INVALID`.
 */
export function dryRun(svid: X509Svid, own: X509Bundle | undefined, file: string): void {
  try {
    createSecureContext({
      cert: svid.certificates.map((certificate) => certificate.toPem()).join(''),
      key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      // Never left out: without authorities, TLS would take the public ones.
      ca: own?.authorities.map((authority) => authority.toPem()) ?? [],
    });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new SpiffeError(
      'ERR_SVID_CERTIFICATE_INVALID',
      `want an SVID that TLS takes in ${file}, got a refusal (${code})`,
      {
        hint: 'Check the key type and the signature algorithm that the issuer uses.',
        file,
        cause,
      },
    );
  }
}
