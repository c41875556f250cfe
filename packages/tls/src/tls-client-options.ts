import { randomBytes } from 'node:crypto';
import { type PeerCertificate, type SecureContext } from 'node:tls';

import { publish, SpiffeError, TrustDomain } from '@svidkit/core';

import { publishRejection } from './admission.ts';
import { parseClientOptions, type SecureClientOptions } from './client-options.ts';
import { emptyContext, singleBundleContext, type TlsFloor } from './context-options.ts';
import { type IdentityInput } from './identity.ts';
import { asSpiffeError, judge } from './judge.ts';
import { liveContext } from './live-context.ts';
import { detailedChain } from './peer-chain.ts';
import { peerName } from './peer.ts';

/** Options of {@link tlsClientOptions}. */
export interface TlsClientOptionsOptions extends Omit<
  SecureClientOptions,
  'handshakeTimeoutMs' | 'maxConnectionAgeMs' | 'drainDeadlineMs' | 'resumption'
> {
  /** The one trust domain of the server. Default: that of the authorizer, if it has exactly one. */
  readonly trustDomain?: TrustDomain | string;
}

/** `tls.ConnectionOptions` that may be copied, spread and kept for ever. */
export interface TlsClientOptions {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: true;
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
  readonly minVersion: TlsFloor;
  /** Never a session of an earlier connection: a resumed one skips every check. */
  readonly session: undefined;
  readonly maxCachedSessions: 0;
  /**
   * Unique for each call. Beside a `secureContext` it means nothing to TLS, but every agent keys its pool by it, so
   * that a connection that one authorizer let in is never used on behalf of another.
   */
  readonly sessionIdContext: string;
}

/**
 * Options for anything that takes `tls.ConnectionOptions` and connects by itself, database drivers for instance. They
 * fail closed by construction: OpenSSL refuses every chain that does not end in the bundle of one trust domain, and
 * our verifier and the authorizer judge what is left. Each new connection uses the generation of its moment.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_TRUST_DOMAIN` when neither the authorizer nor the option names exactly one
 * trust domain; `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function tlsClientOptions(source: IdentityInput, options: TlsClientOptionsOptions): TlsClientOptions {
  const { identity, authorize, clock, deny, minVersion } = parseClientOptions(source, options);
  if ('resumption' in options && options.resumption === true) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'resumption cannot be switched on in options for others', {
      hint: 'node:tls asks nobody about a resumed session. Use createHttpsAgent or connectTls.',
    });
  }
  const trustDomain =
    options.trustDomain === undefined
      ? onlyTrustDomain(authorize.trustDomains)
      : parseTrustDomain(options.trustDomain);
  return {
    secureContext: liveContext(() => {
      try {
        return singleBundleContext(identity.current, trustDomain, minVersion);
      } catch (cause) {
        // Without certificate and authorities the connection fails; why is told here, never by a throw inside connect.
        const error = asSpiffeError(cause);
        publish('svidkit:source.error', () => ({ source: identity.source, error }));
        return emptyContext(minVersion);
      }
    }),
    rejectUnauthorized: true,
    checkServerIdentity: (host, certificate) => {
      let generation = 0;
      try {
        const trust = identity.current;
        generation = trust.number;
        const policy = { side: 'client', authorize, clock, deny, host, resumption: false } as const;
        const { peer } = judge(detailedChain(certificate), trust.presented, trust, policy);
        if (peer.kind === 'spiffe' && !peer.id.trustDomain.equals(trustDomain)) {
          throw new SpiffeError(
            'ERR_PEER_UNAUTHORIZED',
            `the server is of trust domain ${peer.id.trustDomain.name}, want ${trustDomain.name}`,
            {
              peer: peer.id.toString(),
            },
          );
        }
        publish('svidkit:peer.accepted', () => ({
          side: 'client',
          generation,
          remote: undefined,
          kind: peer.kind,
          id: peerName(peer),
          group: undefined,
        }));
        return undefined;
      } catch (cause) {
        const error = asSpiffeError(cause);
        publishRejection('client', generation, undefined, error);
        return error;
      }
    },
    minVersion,
    session: undefined,
    maxCachedSessions: 0,
    sessionIdContext: randomBytes(16).toString('base64'),
  };
}

function parseTrustDomain(given: TrustDomain | string): TrustDomain {
  try {
    return TrustDomain.parse(typeof given === 'string' ? given : given.name);
  } catch (cause) {
    throw new SpiffeError(
      'ERR_CONFIG_TRUST_DOMAIN',
      'the option trustDomain must be the name of a trust domain',
      { cause },
    );
  }
}

function onlyTrustDomain(trustDomains: ReadonlySet<TrustDomain> | 'any'): TrustDomain {
  const [first, second] = trustDomains === 'any' ? [] : trustDomains;
  if (first !== undefined && second === undefined) return first;
  throw new SpiffeError('ERR_CONFIG_TRUST_DOMAIN', 'these options can serve exactly one trust domain', {
    hint: 'Use an authorizer of one trust domain, or say which one by the option trustDomain.',
  });
}
