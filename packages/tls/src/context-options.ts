import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

import { type TrustDomain, type X509Context } from '@svidkit/core';

/** The oldest TLS version to speak. TLS 1.3 unless a peer cannot. */
export type TlsFloor = 'TLSv1.2' | 'TLSv1.3';

/**
 * What handshakes may be signed with: the keys that our verifier accepts. It keeps leaves on other curves from
 * finishing a handshake, and so away from accessors that cannot describe them.
 */
const SIGNATURE_ALGORITHMS = [
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'ed25519',
  'rsa_pss_pss_sha256',
  'rsa_pss_pss_sha384',
  'rsa_pss_pss_sha512',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha256',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha512',
  // Where this Node.js knows them.
  '?mldsa44',
  '?mldsa65',
  '?mldsa87',
].join(':');

/**
 * The whole set of context options for one generation. Always passed whole: `setSecureContext` resets what is
 * not named. `ca` is never falsy, which would mean the public roots. Tickets are off: a resumed session skips
 * every check.
 *
 * @param context - undefined: nothing to present, nothing to trust; every handshake fails.
 */
export function contextOptions(context: X509Context | undefined, minVersion: TlsFloor): SecureContextOptions {
  const options: SecureContextOptions = {
    ca: [],
    minVersion,
    maxVersion: 'TLSv1.3',
    sigalgs: SIGNATURE_ALGORITHMS,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  if (context === undefined) return options;
  const { certificates, privateKey } = context.svid;
  options.cert = certificates.map((certificate) => certificate.toPem()).join('');
  options.key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return options;
}

/** The contexts of one generation, built when first used and kept as long as the generation is. */
interface Contexts {
  readonly own: Map<TlsFloor, SecureContext>;
  readonly single: Map<string, SecureContext>;
}

const contexts = new WeakMap<X509Context, Contexts>();
const empty = new Map<TlsFloor, SecureContext>();

/** Our SVID and no authorities: for connections where our own verifier judges before the socket is handed out. */
export function ownContext(context: X509Context, minVersion: TlsFloor): SecureContext {
  return cached(contextsOf(context).own, minVersion, () =>
    createSecureContext(contextOptions(context, minVersion)),
  );
}

/**
 * Our SVID and exactly the authorities of one trust domain, so that OpenSSL itself refuses everything else.
 *
 * @throws {@link SpiffeError} `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`.
 */
export function singleBundleContext(
  context: X509Context,
  trustDomain: TrustDomain,
  minVersion: TlsFloor,
): SecureContext {
  const bundle = context.bundles.require(trustDomain);
  return cached(contextsOf(context).single, `${minVersion} ${trustDomain.name}`, () =>
    createSecureContext({
      ...contextOptions(context, minVersion),
      // One certificate per element: a broken block would silently drop all that follow it.
      ca: bundle.authorities.map((authority) => authority.toPem()),
      // X509-SVID 6.1: authorities need not be self-signed.
      allowPartialTrustChain: true,
    }),
  );
}

/** No certificate, no authorities: every verified handshake with it fails. */
export function emptyContext(minVersion: TlsFloor): SecureContext {
  return cached(empty, minVersion, () => createSecureContext(contextOptions(undefined, minVersion)));
}

function contextsOf(context: X509Context): Contexts {
  let found = contexts.get(context);
  if (found === undefined) {
    found = { own: new Map(), single: new Map() };
    contexts.set(context, found);
  }
  return found;
}

function cached<Key>(map: Map<Key, SecureContext>, key: Key, create: () => SecureContext): SecureContext {
  let found = map.get(key);
  if (found === undefined) {
    found = create();
    map.set(key, found);
  }
  return found;
}
