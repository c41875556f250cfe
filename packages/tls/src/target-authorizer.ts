import { type Authorizer, SpiffeError } from '@svidkit/core';

import { checkAuthorizer } from './server-options.ts';

/**
 * Which servers a client may speak to: one authorizer for all of them, or one for each origin (`https://host` or
 * `https://host:port`, as `URL#origin` spells it). An origin without one is refused before anything is sent.
 */
export type TargetAuthorizer =
  | Authorizer
  | ReadonlyMap<string, Authorizer>
  | ((origin: string) => Authorizer | undefined);

/** The authorizers of a client. */
export interface TargetAuthorizers {
  /** The one for all origins, if there is just one. */
  readonly only: Authorizer | undefined;
  /** That of an origin. @throws {@link SpiffeError} `ERR_TARGET_UNKNOWN` when there is none. */
  readonly of: (origin: string) => Authorizer;
}

/**
 * Checks the option `authorize` of clients with many upstreams.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`; `ERR_CONFIG_OPTION` when a key of a map is no origin.
 */
export function parseTargetAuthorizer(authorize: TargetAuthorizer | undefined): TargetAuthorizers {
  if (typeof authorize === 'function') {
    const of = (origin: string): Authorizer => {
      let found: Authorizer | undefined;
      try {
        found = authorize(origin);
      } catch (cause) {
        throw unknownTarget(origin, cause);
      }
      if (found === undefined) throw unknownTarget(origin);
      return checkAuthorizer(found);
    };
    return { only: undefined, of };
  }
  if (isMap(authorize)) {
    const byOrigin = new Map<string, Authorizer>();
    for (const [key, authorizer] of authorize) byOrigin.set(parseOrigin(key), checkAuthorizer(authorizer));
    const of = (origin: string): Authorizer => {
      const found = byOrigin.get(origin);
      if (found === undefined) throw unknownTarget(origin);
      return found;
    };
    return { only: undefined, of };
  }
  const only = checkAuthorizer(authorize);
  return { only, of: () => only };
}

/** The origin of a host and port, as `URL#origin` spells it. */
export function originOf(host: string | null | undefined, port: string | number | null | undefined): string {
  const name = host ?? 'localhost';
  const authority = name.includes(':') && !name.startsWith('[') ? `[${name}]` : name;
  try {
    return new URL(`https://${authority}:${port ?? 443}`).origin;
  } catch {
    return `https://${authority}:${port ?? 443}`; // No map has such a key, and a function may decide.
  }
}

function parseOrigin(key: string): string {
  try {
    const url = new URL(key);
    if (url.protocol === 'https:' && url.href === `${url.origin}/`) return url.origin;
  } catch {
    // Told below.
  }
  throw new SpiffeError('ERR_CONFIG_OPTION', `a key of authorize must be an origin, got ${key}`, {
    hint: "Write it as 'https://host' or 'https://host:port', without a path.",
  });
}

function unknownTarget(origin: string, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_TARGET_UNKNOWN', `no authorizer for ${origin}, so nothing is sent there`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Add the origin to the option authorize, if requests (or redirects) to it are meant.',
  });
}

function isMap(value: unknown): value is ReadonlyMap<string, Authorizer> {
  return value instanceof Map;
}
