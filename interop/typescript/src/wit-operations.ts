import { createHash, createPublicKey } from 'node:crypto';

import { authorizeAny, TrustDomain } from '@svidkit/core';
import {
  checkWitSvid,
  createWitVerifier,
  parseWitBundle,
  WitBundleSet,
} from '@svidkit/workload-api/experimental';

import { BadParams, isObject, type JsonObject, object, text, textOrBytes } from './params.ts';

/** `wit.validate`: all that can be asked before the proof of possession. */
export async function validateWit(params: JsonObject): Promise<JsonObject> {
  const svid = await checkWitSvid(textOrBytes(params, 'token'), bundlesOf(params), clockOf(params));
  return {
    id: svid.claimedId.toString(),
    expiry: new Date(svid.expiry).toISOString().replace('.000Z', 'Z'),
    cnfSpkiSha256: keyHash(svid.claims),
  };
}

/** `wit.accept`: who makes a request with this token and this proof of possession. */
export async function acceptWit(params: JsonObject): Promise<JsonObject> {
  const { origin, pathname } = new URL(text(params, 'url'));
  const verifier = createWitVerifier({
    bundles: bundlesOf(params),
    origin,
    authorize: authorizeAny(),
    // Cases are asked more than once.
    replays: false,
    ...clockOf(params),
  });
  const headers = {
    'workload-identity-token': text(params, 'token'),
    ...(params['proof'] === undefined ? {} : { 'workload-proof-token': text(params, 'proof') }),
  };
  const { id } = await verifier.verifyRequest({ url: pathname, headers });
  return { id: id.toString() };
}

function bundlesOf(params: JsonObject): WitBundleSet {
  const given = object(params, 'bundles');
  return WitBundleSet.of(
    ...Object.keys(given).map((name) => parseWitBundle(text(given, name), TrustDomain.parse(name))),
  );
}

function clockOf({ at }: JsonObject): { readonly clock?: { now(): number } } {
  if (at === undefined) return {};
  if (typeof at !== 'string') throw new BadParams('at: want a string');
  return { clock: { now: () => Date.parse(at) } };
}

/** The hash of the key that a token confirms. */
function keyHash(claims: JsonObject): string {
  const cnf = claims['cnf'];
  const jwk = isObject(cnf) ? cnf['jwk'] : undefined;
  if (!isObject(jwk)) throw new Error('a token without cnf.jwk was accepted');
  const spki = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(spki).digest('hex');
}
