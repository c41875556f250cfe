import { TrustDomain } from '@svidkit/core';
import { checkWitSvid, parseWitBundle, WitBundleSet } from '@svidkit/workload-api/experimental';

import { BadParams, type JsonObject, object, text, textOrBytes } from './params.ts';

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
    claims: svid.claims,
  };
}
