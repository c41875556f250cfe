import { createHash, createPublicKey } from 'node:crypto';

import { TrustDomain } from '@svidkit/core';
import { checkWitSvid, parseWitBundle, WitBundleSet } from '@svidkit/workload-api/experimental';

import { BadParams, isObject, type JsonObject, object, text, textOrBytes } from './params.ts';

/** `wit.validate`: all that can be asked before the proof of possession. */
export async function validateWit(params: JsonObject): Promise<JsonObject> {
  const { at } = params;
  if (at !== undefined && typeof at !== 'string') throw new BadParams('at: want a string');
  const given = object(params, 'bundles');
  const bundles = WitBundleSet.of(
    ...Object.keys(given).map((name) => parseWitBundle(text(given, name), TrustDomain.parse(name))),
  );
  const clock = at === undefined ? {} : { clock: { now: () => Date.parse(at) } };
  const svid = await checkWitSvid(textOrBytes(params, 'token'), bundles, clock);
  return {
    id: svid.claimedId.toString(),
    expiry: new Date(svid.expiry).toISOString().replace('.000Z', 'Z'),
    cnfSpkiSha256: keyHash(svid.claims),
  };
}

/** The hash of the key that a token confirms. */
function keyHash(claims: JsonObject): string {
  const cnf = claims['cnf'];
  const jwk = isObject(cnf) ? cnf['jwk'] : undefined;
  if (!isObject(jwk)) throw new Error('a token without cnf.jwk was accepted');
  const spki = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(spki).digest('hex');
}
