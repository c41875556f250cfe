import { badBundle, keysOf, MOST_BUNDLE_BYTES, readBundleJson } from './bundle-json.ts';
import { Certificate } from './certificate.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, kindOfJson } from './json-reader.ts';
import { differsFromCertificate } from './jwk.ts';
import { JwtBundle } from './jwt-bundle.ts';
import { quote } from './quote.ts';
import { isSequence, SpiffeBundle } from './spiffe-bundle.ts';
import { type TrustDomain } from './trust-domain.ts';
import { X509Bundle } from './x509-bundle.ts';

const BASE64 = /^[\d+/A-Za-z]+={0,2}$/;
/** The uses that exist. WIT-SVIDs are not verified here, so their keys are passed over without a word. */
const USES: ReadonlySet<JsonValue | undefined> = new Set(['x509-svid', 'jwt-svid', 'wit-svid']);

/**
 * Reads a SPIFFE bundle: the JWK Set in which a trust domain publishes its authorities. The document does not say
 * whose it is, so whoever reads it has to know.
 *
 * Entries that nobody can use are left out, and `skipped` says why: those of an unknown `kty`, `use` or curve, without
 * a certificate or key ID, with a weak key, or with a certificate that may not sign others. A bundle without any
 * authority is a bundle: it revokes every SVID of its trust domain. A refresh hint that is none is passed over.
 *
 * @param json - at most 10 MiB and 10,000 keys.
 * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` for what is no such document: no JSON, a member twice, no `keys`, a
 * sequence number that is none, a certificate that is damaged, one key ID with two keys.
 * @see Trust Domain and Bundle 4, X509-SVID 6, JWT-SVID 6
 */
export function parseBundleDocument(json: string | Uint8Array, trustDomain: TrustDomain): SpiffeBundle {
  return readBundle(readBundleJson(json, MOST_BUNDLE_BYTES), trustDomain);
}

/** The bundle in one object of a document. */
export function readBundle(members: JsonObject, trustDomain: TrustDomain): SpiffeBundle {
  const { keys } = keysOf(members, ` of ${trustDomain.name}`);
  const skipped: string[] = [];
  const certificates: Certificate[] = [];
  for (const [index, jwk] of keys.entries()) {
    const place = `keys[${index}]`;
    const problem = passedOver(jwk) ?? readCertificate(jwk, place, certificates);
    if (problem !== undefined) skipped.push(`${place} is left out: ${problem}`);
  }
  const sequence = members.get('spiffe_sequence');
  if (sequence !== undefined && !isSequence(sequence)) {
    throw badBundle('0 to 2^64 - 1 as spiffe_sequence', shown(sequence));
  }
  const refreshHint = hintOf(members.get('spiffe_refresh_hint'));
  return SpiffeBundle.of(trustDomain, {
    x509: X509Bundle.fromCertificates(trustDomain, certificates),
    jwt: JwtBundle.fromJwks(trustDomain, keys, (use) => use === 'jwt-svid'),
    ...(sequence === undefined ? {} : { sequence }),
    ...(refreshHint === undefined ? {} : { refreshHint }),
    skipped,
  });
}

/** Why an entry is for nobody; undefined when it may be for somebody. */
function passedOver(jwk: JsonValue): string | undefined {
  if (!isJsonObject(jwk)) return `want an object, got ${kindOfJson(jwk)}`;
  const use = jwk.get('use');
  return USES.has(use) ? undefined : `unknown use ${shown(use)}`;
}

/** Adds the certificate of an entry for X.509-SVIDs; gives the reason when it has none. */
function readCertificate(jwk: JsonValue, place: string, certificates: Certificate[]): string | undefined {
  if (!isJsonObject(jwk) || jwk.get('use') !== 'x509-svid') return undefined;
  const x5c = jwk.get('x5c');
  // X509-SVID 6.2: no x5c, or an empty one, and the entry is ignored; of several values the first one counts.
  const [first] = isJsonArray(x5c) ? x5c : [];
  if (typeof first !== 'string') return `want a certificate as x5c, got ${kindOfJson(first ?? x5c)}`;
  const der = Buffer.from(first, 'base64');
  // Decoding skips what it does not know, so only what encodes back to the same text was base64.
  if (!BASE64.test(first) || der.toString('base64') !== first) {
    throw badBundle(`base64 as x5c of ${place}`, 'something else');
  }
  const certificate = certificateOf(der, place);
  const difference = differsFromCertificate(jwk, certificate);
  if (difference === undefined) certificates.push(certificate);
  return difference;
}

function certificateOf(der: Uint8Array, place: string): Certificate {
  try {
    return Certificate.parse(der);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    throw badBundle(`a certificate as x5c of ${place}`, reason);
  }
}

/** Only a hint, so that one which is none spoils nothing (Trust Domain and Bundle 4.1.2). */
function hintOf(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'bigint' || value < 0n) return undefined;
  return Number(value < Number.MAX_SAFE_INTEGER ? value : Number.MAX_SAFE_INTEGER);
}

function shown(value: JsonValue | undefined): string {
  if (typeof value === 'string') return quote(value);
  return typeof value === 'bigint' || typeof value === 'number' ? String(value) : kindOfJson(value);
}
