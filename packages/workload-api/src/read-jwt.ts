import { type JsonValue } from '@bufbuild/protobuf';
import { type JwtBundle, parseJwtBundle, type SpiffeId, type TrustDomain } from '@svidkit/core';
import { JwtBundleSet, type JwtClaim, type JwtClaims, type JwtSvid, parseJwtSvid } from '@svidkit/core/jwt';

import { badMessage, badPart, readMessage } from './bad-message.ts';
import {
  JWTBundlesResponseSchema,
  JWTSVIDResponseSchema,
  ValidateJWTSVIDResponseSchema,
} from './gen/workload_pb.ts';
import { readBundleKey, readId } from './read-id.ts';

/** A JWT-SVID of ours, and what its issuer calls it. */
export interface WorkloadJwtSvid {
  readonly svid: JwtSvid;
  readonly hint: string | undefined;
}

/** What the Workload API says of the token of a peer that it has validated. */
export interface RemoteValidation {
  /** Whose token it is. */
  readonly id: SpiffeId;
  /** Its claims, as far as the Workload API passes them on. Numbers have the precision of doubles. */
  readonly claims: JwtClaims;
}

/**
 * Reads a message of FetchJWTSVID, of the Workload API or of a broker. Of several tokens with the same hint the first counts.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_*`, `ERR_JWT_*`.
 */
export function readJwtSvids(bytes: Uint8Array): readonly WorkloadJwtSvid[] {
  const { svids } = readMessage(JWTSVIDResponseSchema, bytes);
  if (svids.length === 0) throw badMessage('it has no svids');
  const hints = new Set<string>();
  const read = svids.map(({ spiffeId, svid: token, hint }, index): WorkloadJwtSvid => {
    const part = `JWT-SVID ${index + 1} of ${svids.length}`;
    const id = readId(spiffeId, part);
    const named = `${part} (${id.toString()})`;
    if (token === '') throw badMessage(`${named} has no svid`);
    const svid = readToken(token, named);
    if (!svid.id.equals(id)) throw badMessage(`${named} has a token of ${svid.id.toString()}`);
    return Object.freeze({ svid, hint: hint === '' ? undefined : hint });
  });
  return Object.freeze(
    read.filter(({ hint }) => {
      if (hint === undefined) return true;
      const isFirst = !hints.has(hint);
      hints.add(hint);
      return isFirst;
    }),
  );
}

/** Reads the messages of FetchJWTBundles, or of SubscribeToJWTBundles of a broker. A bundle that has not changed stays the same object. */
export class JwtBundlesReader {
  #known = new Map<TrustDomain, { readonly bytes: Buffer; readonly bundle: JwtBundle }>();

  /** @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_*`, `ERR_BUNDLE_INVALID`. */
  read(bytes: Uint8Array): JwtBundleSet {
    const entries = Object.entries(readMessage(JWTBundlesResponseSchema, bytes).bundles);
    if (entries.length === 0) throw badMessage('it has no bundles');
    const bundles = new Map(
      entries.map(([key, jwks]) => {
        const trustDomain = readBundleKey(key);
        return [trustDomain, this.#readBundle(trustDomain, jwks)];
      }),
    );
    this.#known = bundles;
    return JwtBundleSet.of(...Array.from(bundles.values(), ({ bundle }) => bundle));
  }

  #readBundle(
    trustDomain: TrustDomain,
    jwks: Uint8Array,
  ): { readonly bytes: Buffer; readonly bundle: JwtBundle } {
    const known = this.#known.get(trustDomain);
    if (known !== undefined && Buffer.compare(known.bytes, jwks) === 0) return known;
    try {
      return { bytes: Buffer.from(jwks), bundle: parseJwtBundle(jwks, trustDomain) };
    } catch (error) {
      throw badPart(`the JWT bundle of ${trustDomain.name}`, error);
    }
  }
}

/**
 * Reads a message of ValidateJWTSVID, which is about `svid`.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`, `ERR_ID_*`.
 */
export function readValidation(bytes: Uint8Array, svid: JwtSvid): RemoteValidation {
  const { spiffeId, claims } = readMessage(ValidateJWTSVIDResponseSchema, bytes);
  const id = readId(spiffeId, 'ValidateJWTSVIDResponse');
  if (claims === undefined) throw badMessage('ValidateJWTSVIDResponse has no claims');
  if (!id.equals(svid.id)) throw badMessage('ValidateJWTSVIDResponse is about another token');
  return Object.freeze({ id, claims: frozenClaims(claims) });
}

function readToken(token: string, part: string): JwtSvid {
  try {
    return parseJwtSvid(token);
  } catch (error) {
    throw badPart(part, error);
  }
}

/** Without prototypes, so that no claim is taken for a member of `Object`. */
function frozenClaims(claims: Readonly<Record<string, JsonValue>>): JwtClaims {
  const plain: Record<string, JwtClaim> = Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [name, frozenClaim(value)]),
  );
  Object.setPrototypeOf(plain, null);
  return Object.freeze(plain);
}

function frozenClaim(value: JsonValue): JwtClaim {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenClaim));
  return typeof value === 'object' && value !== null ? frozenClaims(value) : value;
}
