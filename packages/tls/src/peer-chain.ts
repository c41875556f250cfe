import { type DetailedPeerCertificate, type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

/**
 * The certificates a peer sent, as DER, leaf first. Lazy: the rest is read only when it is asked for, which a
 * peer that is known already never needs.
 *
 * `getPeerX509Certificate` is not used: before Node 26.9 it consumes the chain and leaks.
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
  const whole = socket.getPeerCertificate(true);
  // Between two calls nothing may change; if it does, nothing is known.
  if (rawOf(whole)?.equals(leaf) !== true) return;
  yield* issuersOf(whole);
}

/** The chain behind a certificate as Node hands it to `checkServerIdentity`, leaf first, as DER. */
export function* detailedChain(certificate: DetailedPeerCertificate): Generator<Uint8Array> {
  const leaf = rawOf(certificate);
  if (leaf === undefined) {
    throw new SpiffeError('ERR_PEER_NO_CERTIFICATE', 'the server sent no certificate');
  }
  yield leaf;
  yield* issuersOf(certificate);
}

function* issuersOf(leaf: DetailedPeerCertificate): Generator<Uint8Array> {
  let current = leaf;
  for (;;) {
    // Absent at the end of a chain that stops early, itself at a self-signed certificate.
    const issuer = current.issuerCertificate as DetailedPeerCertificate | undefined;
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
