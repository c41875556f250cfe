import { readdirSync } from 'node:fs';

import { type X509Source } from '@svidkit/core';

import { isLate, OpenSource } from './open-source.ts';
import { OpenThings } from './open-things.ts';
import { BadParams, isObject, type JsonObject, object, text, texts } from './params.ts';

/** Every source that is open. */
export const sources: OpenThings<OpenSource> = new OpenThings('s');

/** `source.open` */
export async function openSource(
  params: JsonObject,
  federated: (params: JsonObject) => Promise<X509Source>,
): Promise<JsonObject> {
  const handle = sources.add((name) => new OpenSource(name, params, federated));
  // What is given is looked at now.
  if (!isLate(params['kind'])) await sources.get({ handle }).opened;
  return { handle };
}

/** `source.get` */
export function getSource(params: JsonObject): JsonObject {
  return sources.get(params).snapshot();
}

/** `source.wait` */
export async function waitForSource(params: JsonObject): Promise<JsonObject> {
  const timeoutMs = params['timeoutMs'];
  if (typeof timeoutMs !== 'number') throw new BadParams('timeoutMs: want a number');
  return sources.get(params).wait(conditionOf(object(params, 'until')), timeoutMs);
}

/** `source.set` */
export async function setSource(params: JsonObject): Promise<JsonObject> {
  await sources.get(params).set(params);
  return {};
}

/** `source.close` */
export async function closeSource(params: JsonObject): Promise<JsonObject> {
  await sources.close(params);
  return {};
}

/** `source.stats` */
export function statsOfProcess(): JsonObject {
  return { fds: descriptors(), rssBytes: process.memoryUsage.rss() };
}

function descriptors(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

function conditionOf(until: JsonObject): (snapshot: JsonObject) => boolean {
  if (until['leafSha256'] !== undefined) {
    const wanted = text(until, 'leafSha256');
    return ({ leafSha256 }) => leafSha256 === wanted;
  }
  if (until['bundle'] !== undefined) {
    const bundle = object(until, 'bundle');
    const trustDomain = text(bundle, 'trustDomain');
    const wanted = new Set(texts(bundle, 'sha256'));
    return ({ bundles }) => {
      const held = isObject(bundles) && bundles[trustDomain] !== undefined ? texts(bundles, trustDomain) : [];
      return held.length === wanted.size && held.every((one) => wanted.has(one));
    };
  }
  if (until['error'] === true) return ({ lastError }) => lastError !== undefined;
  const state = text(until, 'state');
  return (snapshot) => snapshot['state'] === state;
}
