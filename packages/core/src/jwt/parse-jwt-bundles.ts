import { readBundle } from '../bundle-document.ts';
import { badBundle, MOST_BUNDLE_BYTES, readBundleJson } from '../bundle-json.ts';
import { readBundleMap } from '../bundle-map.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json-reader.ts';
import { type JwtBundle, parseJwtBundle } from '../jwt-bundle.ts';
import { quote } from '../quote.ts';
import { type SpiffeBundle } from '../spiffe-bundle.ts';
import { TrustDomain } from '../trust-domain.ts';
import { JwtBundleSet } from './jwt-bundle-set.ts';

/** Options of {@link parseJwtBundles}. */
export interface ParseJwtBundlesOptions {
  /** Whose bundle it is, for a document with one bundle, which does not say. */
  readonly trustDomain?: TrustDomain | string;
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** What {@link readJwtBundles} found. */
export interface JwtBundlesRead {
  readonly bundles: JwtBundleSet;
  /** The sequence numbers of the SPIFFE bundles that have one, by the names of their trust domains. */
  readonly sequences: ReadonlyMap<string, bigint>;
}

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
  return readJwtBundles(json, options).bundles;
}

/** {@link parseJwtBundles} for whoever follows a document: also tells which version of each bundle it has. */
export function readJwtBundles(
  json: string | Uint8Array,
  options: ParseJwtBundlesOptions = {},
): JwtBundlesRead {
  const members = readBundleJson(json, MOST_BUNDLE_BYTES);
  if (members.has('trust_domains')) {
    if (members.has('keys')) throw badBundle('either keys or trust_domains', 'both');
    return ofSpiffe(readBundleMap(members).values());
  }
  if (!members.has('keys')) {
    const bundles = Array.from(members, ([name, value]) => fromBase64(name, value));
    return { bundles: JwtBundleSet.of(...bundles), sequences: new Map() };
  }
  if (options.trustDomain === undefined) {
    throw badBundle('its trust domain to be named, since it has one bundle', 'none', { blame: 'caller' });
  }
  const trustDomain = TrustDomain.parse(options.trustDomain.toString());
  if (isSpiffe(members)) return ofSpiffe([readBundle(members, trustDomain)]);
  return { bundles: JwtBundleSet.of(parseJwtBundle(json, trustDomain)), sequences: new Map() };
}

/** A SPIFFE bundle says what each key is for; the keys of a plain JWK Set are all for JWT-SVIDs. */
function isSpiffe(members: JsonObject): boolean {
  if (members.has('spiffe_sequence') || members.has('spiffe_refresh_hint')) return true;
  const keys = members.get('keys');
  return isJsonArray(keys) && keys.some((key) => isJsonObject(key) && key.get('use') === 'x509-svid');
}

function ofSpiffe(read: Iterable<SpiffeBundle>): JwtBundlesRead {
  const bundles: JwtBundle[] = [];
  const sequences = new Map<string, bigint>();
  for (const { trustDomain, jwt, sequence } of read) {
    bundles.push(jwt);
    if (sequence !== undefined) sequences.set(trustDomain.name, sequence);
  }
  return { bundles: JwtBundleSet.of(...bundles), sequences };
}

function fromBase64(name: string, value: JsonValue): JwtBundle {
  if (typeof value !== 'string' || !BASE64.test(value)) {
    throw badBundle(`the base64 of a JWK Set for ${quote(name)}`, 'something else');
  }
  const trustDomain = TrustDomain.parse(name);
  if (trustDomain.name !== name) throw badBundle('the name of a trust domain', quote(name));
  return parseJwtBundle(Buffer.from(value, 'base64'), trustDomain);
}
