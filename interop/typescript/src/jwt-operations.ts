import { TrustDomain } from '@svidkit/core';
import { JwtBundleSet, parseJwtSvid, parseJwtBundles, readBearer, validateJwtSvid } from '@svidkit/core/jwt';

import { BadParams, type JsonObject, object, text, textOrBytes, texts } from './params.ts';

/** `jwt.validate` */
export async function validateJwt(params: JsonObject): Promise<JsonObject> {
  const { at } = params;
  if (at !== undefined && typeof at !== 'string') throw new BadParams('at: want a string');
  const given = object(params, 'bundles');
  const bundles = JwtBundleSet.of(
    ...Object.keys(given).flatMap((name) => [
      ...parseJwtBundles(text(given, name), { trustDomain: TrustDomain.parse(name) }),
    ]),
  );
  const svid = await validateJwtSvid(textOrBytes(params, 'token'), bundles, {
    audience: texts(params, 'audience'),
    ...(at === undefined ? {} : { clock: { now: () => Date.parse(at) } }),
  });
  return {
    id: svid.id.toString(),
    audience: svid.audience,
    expiry: new Date(svid.expiry).toISOString().replace('.000Z', 'Z'),
    claims: svid.claims,
  };
}

/** `jwt.parse` */
export function parseJwt(params: JsonObject): JsonObject {
  const { id, audience, verified } = parseJwtSvid(textOrBytes(params, 'token'));
  return { id: id.toString(), audience, verified };
}

/** `bearer.parse` */
export function parseBearer(params: JsonObject): JsonObject {
  return { token: readBearer(text(params, 'header')) };
}
