/** The headers of `fetch`, or what looks like them. */
interface FetchHeaders {
  get(name: string): string | null;
}

/** Headers of a request: those of `fetch`, or of node:http with names in any case. */
export type HeadersLike = FetchHeaders | Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request, as servers have it. */
export interface RequestLike {
  readonly headers: HeadersLike;
  /** Names and values in turn, each as often as it came. */
  readonly rawHeaders?: readonly string[] | undefined;
}

/**
 * The values of a header, as often as it came, where that can be told.
 *
 * @param name - in lower case.
 */
export function headerValues({ headers, rawHeaders }: RequestLike, name: string): readonly string[] {
  // As it came: the headers of node:http have the first of two alone, for some names.
  if (rawHeaders !== undefined) {
    return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
  }
  if (isFetchHeaders(headers)) return [headers.get(name) ?? []].flat();
  return Object.entries(headers).flatMap(([key, value]) =>
    key.toLowerCase() === name && value !== undefined ? value : [],
  );
}

function isFetchHeaders(headers: HeadersLike): headers is FetchHeaders {
  return typeof headers.get === 'function';
}
