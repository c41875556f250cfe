import { SpiffeBundle, type SpiffeBundleParts, TrustDomain } from '@svidkit/core';
import {
  createTestCa,
  fakeBundleEndpoint,
  type FakeBundleEndpoint,
  type FakeBundleEndpointOptions,
  type TestBundle,
  type TestCa,
} from '@svidkit/testkit';
import { type SpiffeBundleEndpoint, type WebBundleEndpoint } from '@svidkit/tls/federation';

import { closing, world } from '../fixtures.ts';

/** Who serves the bundle of b.test. */
export const ENDPOINT_ID = 'spiffe://b.test/bundle-endpoint';

let made: Promise<TestCa> | undefined;

/** The authority of web sites, which nobody trusts but who is told to. */
export function webCa(): Promise<TestCa> {
  made ??= createTestCa({ trustDomain: 'web.test', id: '' });
  return made;
}

/** A bundle document with the authorities of a test CA. */
export function bundleOf(ca: TestBundle, parts: Omit<SpiffeBundleParts, 'x509'> = {}): SpiffeBundle {
  return SpiffeBundle.of(TrustDomain.parse(ca.trustDomain), { x509: ca.bundle(), ...parts });
}

/** A running endpoint, and the parameters with which to ask it for the bundle of b.test. */
export interface Running<P> {
  readonly endpoint: FakeBundleEndpoint;
  readonly parameters: P;
}

/** An endpoint with a certificate for `localhost`, and other names of `names`. */
export async function webEndpoint(
  options: Partial<FakeBundleEndpointOptions> = {},
): Promise<Running<WebBundleEndpoint>> {
  const ca = await webCa();
  const certificate = await ca.issueLegacy({ dnsNames: ['localhost'] });
  const { b } = await world();
  const endpoint = await start({ certificate, reply: { document: bundleOf(b) }, ...options });
  return {
    endpoint,
    parameters: { trustDomain: 'b.test', url: endpoint.url, profile: 'https_web', webRoots: ca.pem },
  };
}

/** An endpoint with an SVID of b.test, which serves the bundle of b.test. */
export async function spiffeEndpoint(
  options: Partial<FakeBundleEndpointOptions> = {},
): Promise<Running<SpiffeBundleEndpoint>> {
  const { b } = await world();
  const certificate = await b.issue({ id: ENDPOINT_ID });
  const endpoint = await start({ certificate, reply: { document: bundleOf(b) }, ...options });
  return {
    endpoint,
    parameters: {
      trustDomain: 'b.test',
      url: endpoint.url,
      profile: 'https_spiffe',
      endpointId: ENDPOINT_ID,
      endpointBundle: b.bundle(),
    },
  };
}

async function start(options: FakeBundleEndpointOptions): Promise<FakeBundleEndpoint> {
  return closing(await fakeBundleEndpoint(options), (endpoint) => endpoint.close());
}
