import { SpiffeId, TrustDomain } from '@svidkit/core';

import { type JsonObject, text, textOrBytes, texts } from './params.ts';

/** `id.parse` */
export function parseId(params: JsonObject): JsonObject {
  const id = SpiffeId.parse(textOrBytes(params, 'id'));
  return {
    id: id.toString(),
    trustDomain: id.trustDomain.name,
    path: id.path,
    segments: id.path.split('/').slice(1),
  };
}

/** `id.build` */
export function buildId(params: JsonObject): JsonObject {
  const trustDomain = text(params, 'trustDomain');
  const id =
    params['path'] === undefined
      ? SpiffeId.fromSegments(trustDomain, ...texts(params, 'segments'))
      : SpiffeId.fromPath(trustDomain, text(params, 'path'));
  return { id: id.toString() };
}

/** `td.parse` */
export function parseTrustDomain(params: JsonObject): JsonObject {
  const trustDomain = TrustDomain.parse(text(params, 'text'));
  return { name: trustDomain.name, id: trustDomain.id.toString() };
}

/** `id.equal` */
export function equalIds(params: JsonObject): JsonObject {
  return { equal: SpiffeId.parse(text(params, 'a')).equals(SpiffeId.parse(text(params, 'b'))) };
}
