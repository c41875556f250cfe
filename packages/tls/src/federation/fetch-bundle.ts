import {
  type Clock,
  firstReasons,
  parseBundleDocument,
  publish,
  type SpiffeBundle,
  SpiffeError,
  systemClock,
} from '@svidkit/core';

import { asSpiffeError } from '../judge.ts';
import { checkCount } from '../server-options.ts';
import {
  type BundleEndpoint,
  parseEndpoint,
  type ParsedEndpoint,
  shownUrl,
  type SpiffeParameters,
  x509Of,
} from './bundle-endpoint.ts';
import { type EndpointProof } from './connect-endpoint.ts';
import { fetchDocument, type FetchLimits } from './fetch-document.ts';

/** How much patience fetching a bundle has. */
export interface FetchBundleOptions {
  /** Milliseconds for all of it: connecting, redirects, the whole answer. @default 10000 */
  readonly timeoutMs?: number;
  /** The most bytes of an answer, up to 10 MiB. @default 1048576 */
  readonly maxBytes?: number;
  /** The most redirects to follow; 0: none. @default 5 */
  readonly maxRedirects?: number;
  /** Where time comes from. Default: this machine. */
  readonly clock?: Clock;
}

const MOST_BYTES = 10 * 1024 * 1024;

/**
 * Fetches the bundle of a trust domain once.
 *
 * @throws {@link SpiffeError} `ERR_FEDERATION_*`, `ERR_BUNDLE_INVALID`, `ERR_CONFIG_OPTION`, `ERR_ID_*`; the reason of
 * `signal`.
 */
export async function fetchBundle(
  endpoint: BundleEndpoint,
  options: FetchBundleOptions & { readonly signal?: AbortSignal } = {},
): Promise<SpiffeBundle> {
  const parsed = parseEndpoint(endpoint);
  const limits = parseLimits(options);
  const startedAt = limits.clock.now();
  try {
    const bundle = await retrieve(parsed, parsed.spiffe?.configured(), limits, options.signal);
    publishFetch(parsed, limits, startedAt, { outcome: 'fetched', sequence: bundle.sequence });
    return bundle;
  } catch (cause) {
    publishFetch(parsed, limits, startedAt, { outcome: 'failed', error: asSpiffeError(cause) });
    throw cause;
  }
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. */
export function parseLimits(options: FetchBundleOptions): FetchLimits {
  const maxBytes = checkCount('maxBytes', options.maxBytes, 1024 * 1024, 1);
  if (maxBytes > MOST_BYTES) {
    throw new SpiffeError('ERR_CONFIG_OPTION', `want at most ${MOST_BYTES} as maxBytes, got ${maxBytes}`);
  }
  return {
    timeoutMs: checkCount('timeoutMs', options.timeoutMs, 10_000, 1),
    maxBytes,
    maxRedirects: checkCount('maxRedirects', options.maxRedirects, 5, 0),
    clock: options.clock ?? systemClock,
  };
}

/** @param authority - the authorities of the trust domain of the endpoint, for `https_spiffe`. */
export async function retrieve(
  { trustDomain, url, spiffe, webRoots }: ParsedEndpoint,
  authority: ReturnType<SpiffeParameters['configured']>,
  limits: FetchLimits,
  signal: AbortSignal | undefined,
): Promise<SpiffeBundle> {
  const proof: EndpointProof =
    spiffe === undefined
      ? { webRoots }
      : { authorize: spiffe.authorize, bundle: required(spiffe, authority) };
  const bundle = parseBundleDocument(await fetchDocument(url, proof, limits, signal), trustDomain);
  // One without keys revokes all there were. One with keys that are all left out is another document, or damaged.
  if (bundle.isEmpty && bundle.skipped.length > 0) {
    const got = `none that counts: ${firstReasons(bundle.skipped)}`;
    const problem = `want authorities of ${trustDomain.name} from the bundle endpoint ${shownUrl(url)}, got ${got}`;
    throw new SpiffeError('ERR_FEDERATION_RESPONSE', problem, {
      hint: 'Perhaps it is another JWK Set. Ask for the SPIFFE bundle of the trust domain.',
    });
  }
  return bundle;
}

/** Publishes what came of a fetch (Federation 7.6). */
export function publishFetch(
  { trustDomain, url }: ParsedEndpoint,
  { clock }: FetchLimits,
  startedAt: number,
  result: {
    readonly outcome: 'fetched' | 'unchanged' | 'older' | 'failed';
    readonly sequence?: bigint | undefined;
    readonly error?: SpiffeError | undefined;
  },
): void {
  publish('svidkit:federation.fetch', () => ({
    trustDomain: trustDomain.name,
    url: shownUrl(url),
    outcome: result.outcome,
    sequence: result.sequence,
    error: result.error,
    tookMs: clock.now() - startedAt,
  }));
}

function required({ endpointId }: SpiffeParameters, authority: ReturnType<SpiffeParameters['configured']>) {
  const { trustDomain } = endpointId;
  const bundle = authority === undefined ? undefined : x509Of(authority);
  if (bundle !== undefined && bundle.trustDomain.equals(trustDomain)) return bundle;
  throw new SpiffeError(
    'ERR_FEDERATION_UNTRUSTED',
    `there is no bundle of ${trustDomain.name} to know its bundle endpoint by`,
  );
}
