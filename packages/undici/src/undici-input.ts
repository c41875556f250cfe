import { FormData as UndiciFormData, Request as UndiciRequest, type RequestInit as UndiciInit } from 'undici';

/**
 * What the fetch of undici takes for what the standard one takes. The `Request` and `FormData` of Node.js are other
 * classes than those of undici, which would take them for text.
 */
export function undiciInput(
  input: Parameters<typeof globalThis.fetch>[0],
  init: RequestInit | undefined,
): readonly [string | URL | UndiciRequest, UndiciInit] {
  const own = undiciInit(init);
  if (!isForeign(input, 'Request', UndiciRequest)) return [input as string | URL, own];
  const { method, headers, body, redirect, integrity, keepalive, signal } = input as Request;
  return [
    (input as Request).url,
    {
      method,
      headers: [...headers],
      ...(body === null ? {} : { body: body as NonNullable<UndiciInit['body']>, duplex: 'half' }),
      redirect,
      integrity,
      keepalive,
      signal,
      ...own,
    },
  ];
}

function undiciInit(init: RequestInit | undefined): UndiciInit {
  const own = { ...init } as unknown as UndiciInit;
  const body: unknown = init?.body;
  if (!isForeign(body, 'FormData', UndiciFormData)) return own;
  const form = new UndiciFormData();
  for (const [name, value] of body as FormData) form.append(name, value);
  return { ...own, body: form };
}

/** Whether it is of a class of this name, but not of undici's. */
function isForeign(value: unknown, name: string, ours: abstract new (...args: never[]) => object): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof ours) &&
    (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === name
  );
}
