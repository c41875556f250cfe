import { isSpiffeError, type TrustDomain } from '@svidkit/core';
import { isJsonObject, keysOf, MOST_BUNDLE_BYTES, readBundleJson } from '@svidkit/core/jws';

import { badMessage, readMessage } from '../bad-message.ts';
import { WITBundlesResponseSchema, WITSVIDResponseSchema } from '../gen/workload_pb.ts';
import { readBundleKey } from '../read-id.ts';
import { WitBundleSet } from './wit-bundle-set.ts';
import { WitBundle } from './wit-bundle.ts';
import { WitSvid } from './wit-svid.ts';

/** @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_*`. */
export function readWitSvids(bytes: Uint8Array): readonly WitSvid[] {
  const { svids } = readMessage(WITSVIDResponseSchema, bytes);
  if (svids.length === 0) throw badMessage('WITSVIDResponse has no svids');
  const hints = new Set<string>();
  return Object.freeze(
    svids
      .map((fields, index) => new WitSvid(fields, `WIT-SVID ${index + 1} of ${svids.length}`))
      .filter(({ hint }) => {
        if (hint === undefined) return true;
        const isFirst = !hints.has(hint);
        hints.add(hint);
        return isFirst;
      }),
  );
}

/** @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_*`. */
export function readWitBundles(bytes: Uint8Array): WitBundleSet {
  const entries = Object.entries(readMessage(WITBundlesResponseSchema, bytes).bundles);
  if (entries.length === 0) throw badMessage('WITBundlesResponse has no bundles');
  return WitBundleSet.of(...entries.map(([key, jwks]) => readBundle(jwks, readBundleKey(key))));
}

/** Workload API 7.2.2: the keys need not say what they are for. */
function isFor(use: unknown): boolean {
  return use === undefined || use === 'wit-svid';
}

/** Workload API 7.2.2: each key has a name. */
function readBundle(jwks: string, trustDomain: TrustDomain): WitBundle {
  const part = `the WIT bundle of ${trustDomain.name}`;
  try {
    const { keys } = keysOf(readBundleJson(jwks, MOST_BUNDLE_BYTES));
    const nameless = keys.some((jwk) => isJsonObject(jwk) && isFor(jwk.get('use')) && !jwk.has('kid'));
    if (nameless) throw badMessage(`${part} has a key without kid`);
    return WitBundle.fromJwks(trustDomain, keys, isFor);
  } catch (error) {
    if (!isSpiffeError(error) || error.code === 'ERR_WORKLOAD_API_RESPONSE') throw error;
    throw badMessage(`${part}: ${error.message}`);
  }
}
