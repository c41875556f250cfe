import { createPublicKey, type KeyObject } from 'node:crypto';

import { type TrustDomain } from '@svidkit/core';

import { badMessage, readMessage } from '../bad-message.ts';
import { WITBundlesResponseSchema, WITSVIDResponseSchema } from '../gen/workload_pb.ts';
import { readBundleKey } from '../read-id.ts';
import { isRecord, readJson } from './read-json.ts';
import { WitSvid } from './wit-svid.ts';

/**
 * The keys that sign the WIT-SVIDs of each trust domain, by key ID. Never those of other uses.
 *
 * Experimental: The standard has WIT-SVIDs as incubating.
 */
export type WitBundles = ReadonlyMap<TrustDomain, ReadonlyMap<string, KeyObject>>;

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
export function readWitBundles(bytes: Uint8Array): WitBundles {
  const entries = Object.entries(readMessage(WITBundlesResponseSchema, bytes).bundles);
  if (entries.length === 0) throw badMessage('WITBundlesResponse has no bundles');
  return new Map(
    entries.map(([key, jwks]) => {
      const trustDomain = readBundleKey(key);
      return [trustDomain, readKeys(jwks, `the WIT bundle of ${trustDomain.name}`)];
    }),
  );
}

function readKeys(jwks: string, part: string): ReadonlyMap<string, KeyObject> {
  const document = readJson(jwks);
  const list: unknown = isRecord(document) ? document['keys'] : undefined;
  if (!Array.isArray(list)) throw badMessage(`${part} is no JWK Set`);
  const keys = new Map<string, KeyObject>();
  for (const jwk of list as readonly unknown[]) {
    // Trust Domain and Bundle 4.2.2: entries of other uses and unknown types are none of ours.
    if (!isRecord(jwk) || (jwk['use'] !== undefined && jwk['use'] !== 'wit-svid')) continue;
    const keyId = jwk['kid'];
    if (typeof keyId !== 'string' || keyId === '') throw badMessage(`${part} has a key without kid`);
    if (keys.has(keyId)) throw badMessage(`${part} has two keys with one kid`);
    const key = publicKey(jwk);
    if (key !== undefined) keys.set(keyId, key);
  }
  return keys;
}

function publicKey(jwk: Record<string, unknown>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}
