import { createHash } from 'node:crypto';

import {
  type JwtBundle,
  parseBundleDocument,
  parseBundleMap,
  parseJwtBundle,
  type SpiffeBundle,
  TrustDomain,
  type X509Bundle,
} from '@svidkit/core';

import { bytes, type JsonObject, text } from './params.ts';

/** `bundle.parse` */
export function parseBundle(params: JsonObject): JsonObject {
  return describeBundle(
    parseBundleDocument(documentIn(params), TrustDomain.parse(text(params, 'trustDomain'))),
  );
}

/** A bundle as the protocol has it. */
export function describeBundle(bundle: SpiffeBundle): JsonObject {
  return {
    trustDomain: bundle.trustDomain.name,
    x509Sha256: authoritiesOf(bundle.x509),
    jwt: keysOf(bundle.jwt),
    sequence: bundle.sequence?.toString() ?? null,
    refreshHint: bundle.refreshHint ?? null,
  };
}

/** `bundleMap.parse` */
export function parseMap(params: JsonObject): JsonObject {
  const bundles = [...parseBundleMap(documentIn(params)).values()].map(
    ({ trustDomain, x509, jwt, sequence }) => ({
      trustDomain: trustDomain.name,
      x509Sha256: authoritiesOf(x509),
      jwt: keysOf(jwt),
      sequence: sequence?.toString() ?? null,
    }),
  );
  return { bundles: bundles.toSorted((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1)) };
}

/** `jwks.parse` */
export function parseJwks(params: JsonObject): JsonObject {
  const bundle = parseJwtBundle(documentIn(params), TrustDomain.parse(text(params, 'trustDomain')));
  return { trustDomain: bundle.trustDomain.name, jwt: keysOf(bundle) };
}

function documentIn(params: JsonObject): string | Uint8Array {
  return params['jsonB64'] === undefined ? text(params, 'json') : bytes(params, 'jsonB64');
}

/** In ascending order, since a bundle is a set. */
function authoritiesOf({ authorities }: X509Bundle): readonly string[] {
  return authorities.map((one) => one.fingerprint256).toSorted();
}

/** Sorted by key ID, as the protocol has it. */
function keysOf({ authorities }: JwtBundle): readonly JsonObject[] {
  return [...authorities]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kid, key]) => ({
      kid,
      spkiSha256: createHash('sha256')
        .update(key.export({ format: 'der', type: 'spki' }))
        .digest('hex'),
    }));
}
