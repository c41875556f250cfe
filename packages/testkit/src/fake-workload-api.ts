import { createServer } from 'node:http2';

import {
  type JWTBundlesRequestSchema,
  type JWTBundlesResponseSchema,
  type JWTSVIDRequestSchema,
  type JWTSVIDResponseSchema,
  SECURITY_HEADER,
  SpiffeWorkloadAPI,
  type ValidateJWTSVIDRequestSchema,
  type ValidateJWTSVIDResponseSchema,
  type WITBundlesRequestSchema,
  type WITBundlesResponseSchema,
  type WITSVIDRequestSchema,
  type WITSVIDResponseSchema,
  type X509BundlesRequestSchema,
  type X509BundlesResponseSchema,
  type X509SVIDRequestSchema,
  type X509SVIDResponseSchema,
} from '@svidkit/workload-api/protocol';

import { type FakeEndpoint, startFakeEndpoint } from './fake-endpoint.ts';
import { FakeMethod } from './fake-method.ts';

/** Options of {@link startFakeWorkloadApi}. */
export interface FakeWorkloadApiOptions {
  /** Where it listens: on a socket in a directory of its own, or on the loopback address. @default 'unix' */
  readonly transport?: 'unix' | 'tcp';
}

/**
 * A Workload API that does what a test tells it, over a real socket and real HTTP/2. Its address is for
 * `SPIFFE_ENDPOINT_SOCKET` or option `address`.
 */
export interface FakeWorkloadApi extends FakeEndpoint {
  readonly fetchX509Svid: FakeMethod<typeof X509SVIDRequestSchema, typeof X509SVIDResponseSchema>;
  readonly fetchX509Bundles: FakeMethod<typeof X509BundlesRequestSchema, typeof X509BundlesResponseSchema>;
  readonly fetchJwtSvid: FakeMethod<typeof JWTSVIDRequestSchema, typeof JWTSVIDResponseSchema>;
  readonly fetchJwtBundles: FakeMethod<typeof JWTBundlesRequestSchema, typeof JWTBundlesResponseSchema>;
  readonly validateJwtSvid: FakeMethod<
    typeof ValidateJWTSVIDRequestSchema,
    typeof ValidateJWTSVIDResponseSchema
  >;
  /** Not implemented until it is told what to give, as the next one. */
  readonly fetchWitSvid: FakeMethod<typeof WITSVIDRequestSchema, typeof WITSVIDResponseSchema>;
  readonly fetchWitBundles: FakeMethod<typeof WITBundlesRequestSchema, typeof WITBundlesResponseSchema>;
}

/**
 * Starts a fake Workload API. Like a real one it refuses requests without the security header, and, until it is told
 * what to give, answers PERMISSION_DENIED.
 */
export async function startFakeWorkloadApi(options: FakeWorkloadApiOptions = {}): Promise<FakeWorkloadApi> {
  const {
    fetchX509SVID,
    fetchX509Bundles,
    fetchJWTSVID,
    fetchJWTBundles,
    validateJWTSVID,
    fetchWITSVID,
    fetchWITBundles,
  } = SpiffeWorkloadAPI.method;
  const unimplemented = { code: 12, details: 'the WIT-SVID profile is not offered' };
  const methods = {
    fetchX509Svid: new FakeMethod(fetchX509SVID),
    fetchX509Bundles: new FakeMethod(fetchX509Bundles),
    fetchJwtSvid: new FakeMethod(fetchJWTSVID),
    fetchJwtBundles: new FakeMethod(fetchJWTBundles),
    validateJwtSvid: new FakeMethod(validateJWTSVID),
    fetchWitSvid: new FakeMethod(fetchWITSVID, unimplemented),
    fetchWitBundles: new FakeMethod(fetchWITBundles, unimplemented),
  };
  const endpoint = await startFakeEndpoint({
    transport: options.transport ?? 'unix',
    makeServer: () => createServer(),
    securityHeader: SECURITY_HEADER,
    methods: Object.values(methods).map((one) => one.served),
  });
  return Object.freeze<FakeWorkloadApi>({
    ...methods,
    ...endpoint,
    get connections() {
      return endpoint.connections;
    },
  });
}
