import {
  type Authorizer,
  authorizeId,
  type SpiffeBundle,
  SpiffeError,
  SpiffeId,
  TrustDomain,
  type X509Bundle,
} from '@svidkit/core';

import { parseEndpointUrl } from './endpoint-url.ts';

/**
 * Where a trust domain publishes its bundle, and how to know that it is really there. Nothing of it is inferred, and
 * one profile never stands in for the other (Federation 5.1, 7.2).
 */
export type BundleEndpoint = WebBundleEndpoint | SpiffeBundleEndpoint;

/** An endpoint with a certificate for its host name, as web sites have it. */
export interface WebBundleEndpoint {
  /** Whose bundle it is; the document does not say. */
  readonly trustDomain: TrustDomain | string;
  /** Begins with `https://`, and has no user information. */
  readonly url: string;
  readonly profile: 'https_web';
  /** PEM certificates to trust instead of the authorities that this machine trusts, for endpoints of a private PKI. */
  readonly webRoots?: string | readonly string[];
}

/** An endpoint with an X.509-SVID. */
export interface SpiffeBundleEndpoint {
  /** Whose bundle it is; the document does not say. */
  readonly trustDomain: TrustDomain | string;
  /** Begins with `https://`, and has no user information. */
  readonly url: string;
  readonly profile: 'https_spiffe';
  /** Who the endpoint has to be, exactly. */
  readonly endpointId: SpiffeId | string;
  /**
   * The authorities of the trust domain of `endpointId`. If that is `trustDomain` itself, they are the first ones, and
   * every bundle that is fetched takes their place; else they stay in charge, and a function is asked every time.
   */
  readonly endpointBundle: SpiffeBundle | X509Bundle | (() => SpiffeBundle | X509Bundle | undefined);
}

/** An endpoint whose parameters are in order. */
export interface ParsedEndpoint {
  readonly trustDomain: TrustDomain;
  readonly url: URL;
  /** Undefined: `https_web`. */
  readonly spiffe: SpiffeParameters | undefined;
  /** Undefined: the authorities that this machine trusts. */
  readonly webRoots: readonly string[] | undefined;
}

/** What `https_spiffe` needs beside the rest. */
export interface SpiffeParameters {
  readonly endpointId: SpiffeId;
  readonly authorize: Authorizer;
  /** Whether the endpoint serves the bundle that it is authenticated with. */
  readonly isSelfServing: boolean;
  /** The configured authorities of its trust domain. */
  readonly configured: () => SpiffeBundle | X509Bundle | undefined;
}

/**
 * Checks the parameters of an endpoint.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`, `ERR_PEM_INVALID`.
 */
export function parseEndpoint(endpoint: BundleEndpoint): ParsedEndpoint {
  const given: Partial<Record<string, unknown>> = { ...endpoint };
  const trustDomain = TrustDomain.parse(textOf(endpoint.trustDomain));
  const url = parseEndpointUrl(endpoint.url);
  const foreign = endpoint.profile === 'https_spiffe' ? ['webRoots'] : ['endpointId', 'endpointBundle'];
  for (const name of foreign) {
    if (given[name] !== undefined) throw badEndpoint(`${name} has no meaning with ${endpoint.profile}`);
  }
  switch (endpoint.profile) {
    case 'https_web':
      return { trustDomain, url, spiffe: undefined, webRoots: parseRoots(endpoint.webRoots) };
    case 'https_spiffe':
      return { trustDomain, url, spiffe: parseSpiffe(endpoint, trustDomain), webRoots: undefined };
    default:
      throw badEndpoint("want 'https_web' or 'https_spiffe' as profile");
  }
}

/** The authorities for X.509-SVIDs of either kind of bundle. */
export function x509Of(bundle: SpiffeBundle | X509Bundle): X509Bundle {
  return 'x509' in bundle ? bundle.x509 : bundle;
}

/** The URL for logs: a query can hold what is nobody's business. */
export function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

/** `undefined` as text would be the name of a trust domain. */
function textOf(given: TrustDomain | SpiffeId | string): string {
  return typeof given === 'object' && given !== null ? given.toString() : given;
}

function parseSpiffe(endpoint: SpiffeBundleEndpoint, trustDomain: TrustDomain): SpiffeParameters {
  const { endpointBundle } = endpoint;
  const endpointId = SpiffeId.parse(textOf(endpoint.endpointId));
  if (endpointId.path === '') throw badEndpoint('want a path in endpointId, as every X.509-SVID has one');
  const configured = typeof endpointBundle === 'function' ? endpointBundle : () => endpointBundle;
  if (typeof endpointBundle !== 'function') {
    if (typeof endpointBundle !== 'object' || endpointBundle === null) {
      throw badEndpoint(`want endpointBundle, the authorities of ${endpointId.trustDomain.name}`);
    }
    if (!endpointBundle.trustDomain.equals(endpointId.trustDomain)) {
      const got = endpointBundle.trustDomain.name;
      throw badEndpoint(`want an endpointBundle of ${endpointId.trustDomain.name}, got one of ${got}`);
    }
  }
  return {
    endpointId,
    authorize: authorizeId(endpointId),
    isSelfServing: endpointId.trustDomain.equals(trustDomain),
    configured,
  };
}

function parseRoots(webRoots: WebBundleEndpoint['webRoots']): readonly string[] | undefined {
  if (webRoots === undefined) return undefined;
  const roots = typeof webRoots === 'string' ? [webRoots] : [...webRoots];
  // node:tls would take no roots at all for the public ones.
  if (roots.length === 0 || roots.some((pem) => !pem.includes('-----BEGIN CERTIFICATE-----'))) {
    throw badEndpoint('want PEM certificates as webRoots');
  }
  return roots;
}

function badEndpoint(problem: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `a bundle endpoint: ${problem}`, {
    hint: 'See the guide on federation.',
  });
}
