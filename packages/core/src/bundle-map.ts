import { readBundle } from './bundle-document.ts';
import { badBundle, MOST_BUNDLE_BYTES, readBundleJson } from './bundle-json.ts';
import { isSpiffeError } from './errors.ts';
import { formatBundle } from './format-bundle-document.ts';
import { isJsonObject, type JsonObject, kindOfJson } from './json-reader.ts';
import { quote } from './quote.ts';
import { SpiffeBundle } from './spiffe-bundle.ts';
import { requireTrustDomainName } from './spiffe-id-syntax.ts';
import { TrustDomain } from './trust-domain.ts';

const MOST_TRUST_DOMAINS = 10_000;

/**
 * Reads a bundle map: the bundles of several trust domains in one document, each for itself. It is the state of the
 * world, so it is taken whole or not at all, and a trust domain that is not in it is not federated with any more.
 *
 * Refresh hints of the bundles are passed over: they say nothing about the map.
 *
 * @param json - at most 10 MiB, 10,000 trust domains, and 10,000 keys for each of them.
 * @returns the bundles by the names of their trust domains, in the order of the document.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` also for a trust domain that is there twice, in whatever spelling,
 * and for one bundle that does not parse.
 * @see Trust Domain and Bundle 5
 */
export function parseBundleMap(json: string | Uint8Array): ReadonlyMap<string, SpiffeBundle> {
  return readBundleMap(readBundleJson(json, MOST_BUNDLE_BYTES));
}

/** The bundles in one object of a document. */
export function readBundleMap(members: JsonObject): ReadonlyMap<string, SpiffeBundle> {
  const byName = members.get('trust_domains');
  if (!isJsonObject(byName)) throw badBundle('an object as trust_domains', kindOfJson(byName));
  if (byName.size > MOST_TRUST_DOMAINS) {
    throw badBundle(`at most ${MOST_TRUST_DOMAINS} trust domains`, `${byName.size}`);
  }
  const bundles = new Map<string, SpiffeBundle>();
  for (const [name, bundle] of byName) {
    const trustDomain = trustDomainOf(name);
    if (!isJsonObject(bundle)) throw badBundle(`an object for ${name}`, kindOfJson(bundle));
    const { x509, jwt, sequence, skipped } = readBundle(bundle, trustDomain);
    bundles.set(
      trustDomain.name,
      SpiffeBundle.of(trustDomain, { x509, jwt, skipped, ...(sequence === undefined ? {} : { sequence }) }),
    );
  }
  return bundles;
}

/**
 * Writes a bundle map, without the refresh hints of its bundles.
 *
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` when two bundles are of the same trust domain.
 */
export function formatBundleMap(bundles: Iterable<SpiffeBundle>): string {
  const members = new Map<string, string>();
  for (const bundle of bundles) {
    const { name } = bundle.trustDomain;
    if (members.has(name)) throw badBundle(`one bundle for ${name}`, 'two', { blame: 'caller' });
    members.set(name, `"${name}":${formatBundle(bundle, false)}`);
  }
  return `{"trust_domains":{${[...members.values()].join(',')}}}`;
}

/** By its name alone: a SPIFFE ID is none. */
function trustDomainOf(name: string): TrustDomain {
  try {
    requireTrustDomainName(name);
    return TrustDomain.parse(name);
  } catch (cause) {
    const reason = isSpiffeError(cause) ? `: ${cause.message}` : '';
    throw badBundle('names of trust domains in trust_domains', `${quote(name)}${reason}`, { cause });
  }
}
