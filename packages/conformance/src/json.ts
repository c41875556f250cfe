/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. Its members come from others: ask with {@link member}, which looks at own ones only. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/**
 * Reads JSON.
 *
 * @throws {@link SyntaxError}, with what is wrong as message.
 */
export function parseJson(text: string): Json {
  const value: unknown = JSON.parse(text);
  if (isJson(value)) return value;
  throw new SyntaxError('no JSON');
}

/** Whether it is an object, and neither a list nor null. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it is a list of strings. */
export function isStringList(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** An own member of an object; undefined without one. */
export function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** An own member of an object that is a string; empty without one. */
export function textMember(object: JsonObject, name: string): string {
  const value = member(object, name);
  return typeof value === 'string' ? value : '';
}

/** An own member of an object that is an object; an empty one without one. */
export function objectMember(object: JsonObject, name: string): JsonObject {
  const value = member(object, name);
  return isObject(value) ? value : {};
}

/**
 * A copy for reports: what is deeper than 6 levels, longer than 50 entries or 300 characters is cut, since others
 * decide how large it is.
 */
export function abridge(value: Json, depth = 6): Json {
  if (typeof value === 'string') return value.length > 300 ? `${value.slice(0, 300)}...` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '...';
  if (Array.isArray(value)) {
    const entries: readonly Json[] = value;
    const kept = entries.slice(0, 50).map((one) => abridge(one, depth - 1));
    return value.length > 50 ? [...kept, '...'] : kept;
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 50)
      .map(([name, one]) => [name, abridge(one, depth - 1)]),
  );
}

// JSON.parse gives nothing else, so there is nothing to look at.
function isJson(value: unknown): value is Json {
  return value !== undefined;
}
