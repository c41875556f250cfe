import { BundleSet, checkAuthorized, TrustDomain, verifyX509Svid, X509Bundle } from '@svidkit/core';

import { toAuthorizer } from './match-id.ts';
import { BadParams, type JsonObject, object, texts } from './params.ts';

/** `x509.verify` */
export function verifyChain(params: JsonObject): JsonObject {
  const role = params['role'] ?? 'client';
  if (role !== 'client' && role !== 'server') throw new BadParams('role: want client or server');
  const { at } = params;
  if (at !== undefined && typeof at !== 'string') throw new BadParams('at: want a string');
  const chain = texts(params, 'chain').map((one) => Buffer.from(one, 'base64'));
  const bundles = object(params, 'bundles');
  const verified = verifyX509Svid(
    chain,
    BundleSet.of(...Object.keys(bundles).map((name) => toBundle(name, bundles))),
    {
      at: at === undefined ? Date.now() : Date.parse(at),
      role,
    },
  );
  if (params['authorize'] !== undefined) checkAuthorized(toAuthorizer(object(params, 'authorize')), verified);
  return { id: verified.id.toString(), pathSha256: verified.path.map((one) => one.fingerprint256) };
}

function toBundle(name: string, bundles: JsonObject): X509Bundle {
  const authorities = texts(bundles, name).map((one) => Buffer.from(one, 'base64'));
  return X509Bundle.fromDer(TrustDomain.parse(name), authorities);
}
