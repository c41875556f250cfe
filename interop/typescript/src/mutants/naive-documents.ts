import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type BundleSet, TrustDomain, X509Bundle } from '@svidkit/core';

import { isObject, type JsonObject } from '../params.ts';
import { afterOpening, mapSourceFresh } from './mount-parts.ts';

/** What a careless reader makes of a file that begins as JSON does. */
interface CarelessReader {
  /** Whether it is careless about this one; about the others it is not. */
  readonly isFor: (document: JsonObject | undefined, text: string) => boolean;
  /** Whether an entry of it is an authority. Default: by its use. */
  readonly isAuthority?: (jwk: JsonObject) => boolean;
}

/**
 * Reads bundle documents once more, with `JSON.parse` and without memory: what that makes of them is in use. Of what is no
 * JSON, and is asked for, nothing is in use.
 */
export function readDocumentsCarelessly({ isFor, isAuthority = isForX509 }: CarelessReader): void {
  afterOpening((source, directory) =>
    mapSourceFresh(source, (context) => {
      let { bundles } = context;
      for (const text of documentsIn(directory)) {
        const document = parsed(text);
        if (!isFor(document, text)) continue;
        if (document === undefined) bundles = withoutAny(bundles);
        else {
          for (const [name, keys] of keysOf(document, context.svid.id.trustDomain.name)) {
            bundles = bundles.with(bundleOf(name, keys.filter(isAuthority)));
          }
        }
      }
      return Object.freeze({ ...context, bundles });
    }),
  );
}

/** The files of a directory that begin as JSON does. */
export function documentsIn(directory: string): readonly string[] {
  return readdirSync(directory).flatMap((name) => {
    try {
      const text = readFileSync(join(directory, name), 'utf8');
      return text.startsWith('{') ? [text] : [];
    } catch {
      return [];
    }
  });
}

/** Whether it is a bundle map with a bundle that has no list of keys. */
export function isMapInPart(document: JsonObject | undefined): boolean {
  const bundles = document?.['trust_domains'];
  if (!isObject(bundles)) return false;
  return Object.values(bundles).some((bundle) => !isObject(bundle) || !Array.isArray(bundle['keys']));
}

/** Whether it is a bundle map. */
export function isMap(document: JsonObject | undefined): boolean {
  return document?.['trust_domains'] !== undefined;
}

/** The trust domains of a document, and their keys where they have a list of them. */
function keysOf(document: JsonObject, own: string): readonly (readonly [string, readonly JsonObject[]])[] {
  const map = isObject(document['trust_domains']) ? document['trust_domains'] : { [own]: document };
  return Object.entries(map).flatMap(([name, bundle]) => {
    const keys: unknown = isObject(bundle) ? bundle['keys'] : undefined;
    return Array.isArray(keys) ? [[name, keys.filter(isObject)] as const] : [];
  });
}

function parsed(text: string): JsonObject | undefined {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return undefined;
  }
}

function isForX509(jwk: JsonObject): boolean {
  return jwk['use'] === 'x509-svid';
}

function bundleOf(name: string, keys: readonly JsonObject[]): X509Bundle {
  const ders = keys.flatMap(({ x5c }) => (Array.isArray(x5c) ? [Buffer.from(String(x5c[0]), 'base64')] : []));
  return X509Bundle.fromDer(TrustDomain.parse(name), ders);
}

function withoutAny(bundles: BundleSet): BundleSet {
  let rest = bundles;
  for (const { trustDomain } of bundles) rest = rest.with(X509Bundle.fromDer(trustDomain, []));
  return rest;
}
