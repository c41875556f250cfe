import { constants, randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

import { SpiffeError, type TrustDomain } from '@svidkit/core';

import { type Credential, type Generation } from './identity.ts';

/** The oldest TLS version to speak. TLS 1.3 unless a peer cannot. */
export type TlsFloor = 'TLSv1.2' | 'TLSv1.3';

/** Whether sessions can be resumed. */
export type Tickets = 'off' | 'on';

/** How long a session can be resumed at most. */
const SESSION_SECONDS = 300;

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
 * The whole set of context options for one credential. Always passed whole: `setSecureContext` resets what is
 * not named. `ca` is never falsy, which would mean the public roots. Tickets are off unless asked for: a resumed session
 * skips every check of TLS itself.
 *
 * @param credential - undefined: nothing to present, nothing to trust; every handshake fails.
 */
export function contextOptions(
  credential: Credential | undefined,
  minVersion: TlsFloor,
  tickets: Tickets = 'off',
): SecureContextOptions {
  const options: SecureContextOptions = {
    ca: [],
    minVersion,
    maxVersion: 'TLSv1.3',
    sigalgs: SIGNATURE_ALGORITHMS,
    ...(tickets === 'off'
      ? { secureOptions: constants.SSL_OP_NO_TICKET }
      : // Fresh keys each time, so that no ticket outlives the generation it was made in.
        { ticketKeys: randomBytes(48), sessionTimeout: SESSION_SECONDS }),
  };
  if (credential === undefined) return options;
  const { certificates, privateKey } = credential;
  options.cert = certificates.map((certificate) => certificate.toPem()).join('');
  options.key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return options;
}

// Built when first used, and kept as long as what they are made of.
const own = new WeakMap<Credential, Map<string, SecureContext>>();
const single = new WeakMap<Generation, Map<string, SecureContext>>();
const empty = new Map<TlsFloor, SecureContext>();

/** A credential and no authorities: for connections where our own verifier judges before the socket is handed out. */
export function ownContext(
  credential: Credential,
  minVersion: TlsFloor,
  tickets: Tickets = 'off',
): SecureContext {
  return cached(mapOf(own, credential), `${minVersion} ${tickets}`, () =>
    createSecureContext(contextOptions(credential, minVersion, tickets)),
  );
}

/**
 * What we present and exactly the authorities of one trust domain, so that OpenSSL itself refuses everything else. While
 * legacy servers are admitted their authorities are there too; which of them counts for whom is for our verifier to say.
 *
 * @throws {@link SpiffeError} `ERR_BUNDLE_UNKNOWN`, `ERR_BUNDLE_EMPTY`, `ERR_SOURCE_*`.
 */
export function singleBundleContext(
  generation: Generation,
  trustDomain: TrustDomain,
  minVersion: TlsFloor,
): SecureContext {
  const { spiffe, legacy, presented } = generation;
  if (presented === undefined) throw generation.failure;
  const spiffeAuthorities = spiffe?.bundles.require(trustDomain).authorities ?? [];
  const authorities = [...spiffeAuthorities, ...(legacy?.authorities ?? [])];
  if (authorities.length === 0) {
    throw new SpiffeError('ERR_BUNDLE_EMPTY', `there is no authority of ${trustDomain.name}`);
  }
  return cached(mapOf(single, generation), `${minVersion} ${trustDomain.name}`, () =>
    createSecureContext({
      ...contextOptions(presented, minVersion),
      // One certificate per element: a broken block would silently drop all that follow it.
      ca: authorities.map((authority) => authority.toPem()),
      // X509-SVID 6.1: authorities need not be self-signed.
      allowPartialTrustChain: true,
    }),
  );
}

/** No certificate, no authorities: every verified handshake with it fails. */
export function emptyContext(minVersion: TlsFloor): SecureContext {
  return cached(empty, minVersion, () => createSecureContext(contextOptions(undefined, minVersion)));
}

function mapOf<Key extends object, K>(
  maps: WeakMap<Key, Map<K, SecureContext>>,
  key: Key,
): Map<K, SecureContext> {
  let found = maps.get(key);
  if (found === undefined) {
    found = new Map();
    maps.set(key, found);
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
