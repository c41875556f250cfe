import { readFileSync } from 'node:fs';

import { usageFailure } from '../exit-code.ts';
import { isObject, type Json, type JsonObject, member, parseJson } from '../json.ts';

/** @throws {@link KitFailure} (exit code 2) when the file is no JSON object. */
export function readDocument(file: string): JsonObject {
  let document: Json;
  try {
    document = parseJson(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usageFailure(`${file}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  if (isObject(document)) return document;
  throw usageFailure(`${file}: want a JSON object`);
}

/** The objects in a list of a document; empty without such a list. */
export function objectsOf(document: JsonObject, name: string): readonly JsonObject[] {
  const value = member(document, name);
  const entries: readonly Json[] = Array.isArray(value) ? value : [];
  return entries.filter((one) => isObject(one));
}
