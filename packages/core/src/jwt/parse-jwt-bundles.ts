import { readBundle } from '../bundle-document.ts';
import { badBundle, MOST_BUNDLE_BYTES, readBundleJson } from '../bundle-json.ts';
import { parseBundleMap } from '../bundle-map.ts';
import { type JsonObject, type JsonValue } from '../json-reader.ts';
import { type JwtBundle, parseJwtBundle } from '../jwt-bundle.ts';
import { quote } from '../quote.ts';
import { TrustDomain } from '../trust-domain.ts';
import { JwtBundleSet } from './jwt-bundle-set.ts';

/** Options of {@link parseJwtBundles}. */
export interface ParseJwtBundlesOptions {
  /** Whose bundle it is, for a document with one bundle, which does not say. */
  readonly trustDomain?: TrustDomain | string;
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads a document with JWT bundles, whichever of these it is: a bundle map (`{"trust_domains": ...}`), the bundle of
 * one trust domain (`{"keys": [...]}`, a SPIFFE bundle or a plain JWK Set), or what spiffe-helper writes
 * (`{"prod.example": "base64 of a JWK Set"}`). Taken whole or not at all.
 *
 * @param json - at most 10 MiB.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID`, `ERR_ID_INVALID`.
 */
export function parseJwtBundles(
  json: string | Uint8Array,
  options: ParseJwtBundlesOptions = {},
): JwtBundleSet {
  const members = readBundleJson(json, MOST_BUNDLE_BYTES);
  if (members.has('trust_domains')) {
    return JwtBundleSet.of(...Array.from(parseBundleMap(json).values(), ({ jwt }) => jwt));
  }
  if (members.has('keys')) {
    if (options.trustDomain === undefined) {
      throw badBundle('its trust domain to be named, since it has one bundle', 'none', { blame: 'caller' });
    }
    return JwtBundleSet.of(readOne(json, members, TrustDomain.parse(options.trustDomain.toString())));
  }
  return JwtBundleSet.of(...Array.from(members, ([name, value]) => fromBase64(name, value)));
}

/** A SPIFFE bundle says what each key is for; the keys of a plain JWK Set are all for JWT-SVIDs. */
function readOne(json: string | Uint8Array, members: JsonObject, trustDomain: TrustDomain): JwtBundle {
  const isSpiffe = members.has('spiffe_sequence') || members.has('spiffe_refresh_hint');
  return isSpiffe ? readBundle(members, trustDomain).jwt : parseJwtBundle(json, trustDomain);
}

function fromBase64(name: string, value: JsonValue): JwtBundle {
  if (typeof value !== 'string' || !BASE64.test(value)) {
    throw badBundle(`the base64 of a JWK Set for ${quote(name)}`, 'something else');
  }
  const trustDomain = TrustDomain.parse(name);
  if (trustDomain.name !== name) throw badBundle('the name of a trust domain', quote(name));
  return parseJwtBundle(Buffer.from(value, 'base64'), trustDomain);
}
