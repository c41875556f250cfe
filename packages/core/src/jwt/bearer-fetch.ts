import { SpiffeError } from '../errors.ts';
import { type SpiffeId } from '../spiffe-id.ts';
import { bearerHeader } from './bearer.ts';
import { jwtError } from './jwt-error.ts';
import { type JwtSource } from './jwt-source.ts';

/** Options of {@link bearerFetch}. */
export interface BearerFetchOptions {
  /** Who is called, as it calls itself: a text or several, or what gives it for a URL. */
  readonly audience: string | readonly string[] | ((url: URL) => string | readonly string[]);
  /** Which of our own IDs to call with. Default: the issuer decides. */
  readonly subject?: SpiffeId | string;
}

/** A `fetch` as everybody knows it: of Node.js, of `identity.createFetch`, of a test. */
export type FetchLike = (...args: Parameters<typeof globalThis.fetch>) => ReturnType<typeof globalThis.fetch>;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * A fetch that presents our JWT-SVID with each request, as `authorization: Bearer`. A token is only sent over `https:`,
 * or over `http:` to this machine.
 *
 * Redirects are those of `fetch`, and by its standard a token never follows one to another origin.
 *
 * @param fetch - what makes the requests.
 * @returns the same, but for the header. Its promises are also rejected with `ERR_JWT_INSECURE`, with what
 * {@link JwtSource.fetchJwtSvid} throws, and with `ERR_CONFIG_OPTION` for a request that has such a header already.
 */
export function bearerFetch(fetch: FetchLike, source: JwtSource, options: BearerFetchOptions): FetchLike {
  const { audience, subject } = options;
  return async (input, init = {}) => {
    const request = typeof input === 'string' || input instanceof URL ? undefined : input;
    const url = new URL(input instanceof URL || typeof input === 'string' ? input : input.url);
    requireConfidential(url);
    const headers = new Headers(init.headers ?? request?.headers);
    if (headers.has('authorization')) {
      throw new SpiffeError(
        'ERR_CONFIG_OPTION',
        'want a request without header authorization, got one with it',
      );
    }
    const signal = init.signal ?? request?.signal;
    const svid = await source.fetchJwtSvid({
      audience: typeof audience === 'function' ? audience(url) : audience,
      ...(subject === undefined ? {} : { subject }),
      ...(signal ? { signal } : {}),
    });
    // A list, since the class of the other one need not be ours.
    return fetch(input, { ...init, headers: [...headers, ['authorization', bearerHeader(svid)]] });
  };
}

/** JWT-SVID 7.3 */
function requireConfidential({ protocol, hostname }: URL): void {
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) return;
  throw jwtError('ERR_JWT_INSECURE', 'a URL with https:', `${protocol} to ${hostname}`);
}
