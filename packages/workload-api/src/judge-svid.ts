// Loaded before anything asks a certificate for its legacy object: the other way round, Node.js 22 to 26 leave
// `tls.createSecureContext` undefined for the whole process.
import { createSecureContext } from 'node:tls';

import { SpiffeError, type X509Bundle, type X509Svid } from '@svidkit/core';

/** RFC 5280 gives no tolerance, clocks do: an SVID may begin this much later than our clock says. */
const NOT_BEFORE_SKEW_MS = 5 * 60_000;

/**
 * Decides whether an SVID can be used now.
 *
 * @throws {@link SpiffeError} `ERR_SVID_EXPIRED`, `ERR_SVID_NOT_YET_VALID`, `ERR_SVID_CERTIFICATE_INVALID`.
 */
export function judgeSvid(svid: X509Svid, own: X509Bundle | undefined, now: number): void {
  const named = `want an SVID that is valid now (${iso(now)}) from the agent, got ${svid.id.toString()}`;
  if (now > svid.expiresAt) {
    throw new SpiffeError('ERR_SVID_EXPIRED', `${named}, which expired at ${iso(svid.expiresAt)}`, {
      hint: 'See whether the agent reaches its server, and check the clock of this machine.',
    });
  }
  if (beginsAt(svid) - NOT_BEFORE_SKEW_MS > now) {
    throw new SpiffeError('ERR_SVID_NOT_YET_VALID', `${named}, which begins at ${iso(beginsAt(svid))}`, {
      hint: 'It is used from then on. Check the clocks of this machine and of the issuer.',
    });
  }
  dryRun(svid, own);
}

/** The first instant at which the whole chain is valid, in milliseconds since the Unix epoch. */
export function beginsAt({ certificates }: X509Svid): number {
  return Math.max(...certificates.map(({ notBefore }) => notBefore));
}

/** Whether both are the same chain under the same hint. The keys need not be compared: each belongs to its leaf. */
export function isSameSvid(a: X509Svid, b: X509Svid): boolean {
  return (
    a.hint === b.hint &&
    a.certificates.length === b.certificates.length &&
    a.certificates.every(({ der }, index) => {
      const other = b.certificates[index]?.der;
      return other !== undefined && Buffer.compare(der, other) === 0;
    })
  );
}

/** Proves that TLS takes the identity, before it replaces one that works. */
function dryRun(svid: X509Svid, own: X509Bundle | undefined): void {
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
      `want an SVID that TLS takes from the agent, got a refusal (${code})`,
      { hint: 'Check the key type and the signature algorithm that the issuer uses.', cause },
    );
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
