import { readBundle } from './bundle-document.ts';
import { badBundle, MOST_BUNDLE_BYTES, readBundleJson } from './bundle-json.ts';
import { readBundleMap } from './bundle-map.ts';
import { type SpiffeBundle } from './spiffe-bundle.ts';
import { type TrustDomain } from './trust-domain.ts';

/** What {@link parseSpiffeBundles} found. */
export interface SpiffeBundles {
  /** The bundle of one trust domain (`keys`), or a map of several (`trust_domains`). */
  readonly format: 'spiffe-bundle' | 'bundle-map';
  /** By the names of their trust domains, in the order of the document. */
  readonly bundles: ReadonlyMap<string, SpiffeBundle>;
}

/**
 * Reads a document with SPIFFE bundles, whichever of the two it is: the bundle of one trust domain, as
 * {@link parseBundleDocument} reads it, or a bundle map, as {@link parseBundleMap} does.
 *
 * @param json - at most 10 MiB.
 * @param trustDomain - whose bundle it is when it has one, which does not say. Without, only a bundle map will do.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` also for what could be taken for both.
 * @see Trust Domain and Bundle 4 and 5
 */
export function parseSpiffeBundles(json: string | Uint8Array, trustDomain?: TrustDomain): SpiffeBundles {
  const members = readBundleJson(json, MOST_BUNDLE_BYTES);
  const isMap = members.has('trust_domains');
  if (isMap && members.has('keys')) throw badBundle('either keys or trust_domains', 'both');
  if (isMap) return { format: 'bundle-map', bundles: readBundleMap(members) };
  if (trustDomain === undefined) {
    const got = members.has('keys') ? 'the bundle of one trust domain (keys)' : 'neither that nor keys';
    throw badBundle('a bundle map (trust_domains)', got);
  }
  return {
    format: 'spiffe-bundle',
    bundles: new Map([[trustDomain.name, readBundle(members, trustDomain)]]),
  };
}
