import { type PeerCertificate, type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

/**
 * The certificates a peer sent, as DER, leaf first. Lazy: the rest is read only when it is asked for, which a peer
 * that is known, or whose intermediates are, never needs.
 *
 * Two accessors, each for what it can do: `getPeerCertificate` is cheap and repeatable, but describing a certificate
 * with a key that it does not know can end the process, so it is shown the leaf alone, whose key the signature
 * algorithms of the handshake have limited. `getPeerX509Certificate` survives everything, but before Node 26.9 it
 * takes the chain away from whoever reads it later, and keeps the memory of it.
 *
 * @throws {@link SpiffeError} `ERR_PEER_NO_CERTIFICATE` when it sent none.
 */
export function* peerChain(socket: TLSSocket): Generator<Uint8Array> {
  const leaf = rawOf(socket.getPeerCertificate());
  if (leaf === undefined) {
    throw new SpiffeError('ERR_PEER_NO_CERTIFICATE', 'the peer sent no certificate', {
      hint: 'The peer must present its X.509-SVID (mutual TLS).',
    });
  }
  yield leaf;
  const whole = socket.getPeerX509Certificate();
  // Between two calls nothing may change; if it does, nothing is known.
  if (whole === undefined || !leaf.equals(whole.raw)) return;
  for (let issuer = whole.issuerCertificate; issuer !== undefined; issuer = issuer.issuerCertificate) {
    yield issuer.raw;
  }
}

/** The chain behind a certificate as Node hands it to `checkServerIdentity`, leaf first, as DER. */
export function* detailedChain(certificate: PeerCertificate): Generator<Uint8Array> {
  const leaf = rawOf(certificate);
  if (leaf === undefined) {
    throw new SpiffeError('ERR_PEER_NO_CERTIFICATE', 'the server sent no certificate');
  }
  yield leaf;
  yield* issuersOf(certificate);
}

/** The detailed form of a certificate, which Node hands out more often than its types say. */
type Linked = PeerCertificate & { readonly issuerCertificate?: Linked };

function* issuersOf(leaf: PeerCertificate): Generator<Uint8Array> {
  let current: Linked = leaf;
  for (;;) {
    // Absent at the end of a chain that stops early, itself at a self-signed certificate.
    const issuer = current.issuerCertificate;
    const raw = issuer === current ? undefined : rawOf(issuer);
    if (issuer === undefined || raw === undefined) return;
    yield raw;
    current = issuer;
  }
}

/** Node gives `{}` or null, against its types, when there is no certificate. */
function rawOf(certificate: { readonly raw?: Buffer } | null | undefined): Buffer | undefined {
  return certificate?.raw;
}
