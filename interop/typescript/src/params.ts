/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What a call was asked with is not what the operation takes: the kit and this adapter disagree. */
export class BadParams extends Error {}

/** A member that has to be there, as a string. */
export function text(params: JsonObject, name: string): string {
  const value = params[name];
  if (typeof value === 'string') return value;
  throw new BadParams(`${name}: want a string`);
}

/**
 * Text that may be given in bytes, as `name` or as base64 in `nameB64`. Bytes that are not UTF-8 become U+FFFD, as for
 * every program that reads text.
 */
export function textOrBytes(params: JsonObject, name: string): string {
  return params[`${name}B64`] === undefined
    ? text(params, name)
    : bytes(params, `${name}B64`).toString('utf8');
}

/** A member in base64. */
export function bytes(params: JsonObject, name: string): Buffer {
  return Buffer.from(text(params, name), 'base64');
}

/** A member that is a list of strings. */
export function texts(params: JsonObject, name: string): readonly string[] {
  const value = params[name];
  if (Array.isArray(value) && value.every((one): one is string => typeof one === 'string')) return value;
  throw new BadParams(`${name}: want a list of strings`);
}

/** A member that is an object. */
export function object(params: JsonObject, name: string): JsonObject {
  const value = params[name];
  if (isObject(value)) return value;
  throw new BadParams(`${name}: want an object`);
}

/** Whether it is an object and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
