import { createHash } from 'node:crypto';
import { type DetailedPeerCertificate, type TLSSocket } from 'node:tls';

/** The SHA-256 of a certificate in lower-case hexadecimal digits. */
export function sha256(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

/** What the other end of a connection presented, leaf first; empty when it presented nothing. */
export function presentedBy(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let one: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (one?.raw !== undefined && !chain.some((known) => Buffer.compare(known, one?.raw ?? known) === 0)) {
    chain.push(one.raw);
    one = one.issuerCertificate;
  }
  return chain;
}
