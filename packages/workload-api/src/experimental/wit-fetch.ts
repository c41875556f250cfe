import { presentWit, type PresentWitOptions } from './present-wit.ts';
import { type WitSvid } from './wit-svid.ts';

/** A `fetch` as everybody knows it: of Node.js, of `identity.createFetch`, of a test. */
type FetchLike = (...args: Parameters<typeof globalThis.fetch>) => ReturnType<typeof globalThis.fetch>;

/**
 * A fetch that presents our WIT-SVID with a new proof of possession on each request, over `https:` alone.
 *
 * It follows no redirect: a proof is for one URL, and `fetch` would take these headers along to any other. Unless the
 * request says `redirect: 'manual'`, a redirect is an error.
 *
 * @param fetch - what makes the requests.
 * @param svid - ours, or what gives the latest one.
 * @returns the same, but for the headers. Its promises are also rejected with what {@link presentWit} throws.
 */
export function witFetch(
  fetch: FetchLike,
  svid: WitSvid | (() => WitSvid | Promise<WitSvid>),
  options: PresentWitOptions = {},
): FetchLike {
  return async (input, init = {}) => {
    const request = typeof input === 'string' || input instanceof URL ? undefined : input;
    const url = input instanceof URL || typeof input === 'string' ? input : input.url;
    const headers = new Headers(init.headers ?? request?.headers);
    await presentWit(typeof svid === 'function' ? await svid() : svid, { url, headers }, options);
    const isManual = (init.redirect ?? request?.redirect) === 'manual';
    // A list, since the class of the other one need not be ours.
    return fetch(input, { ...init, headers: [...headers], redirect: isManual ? 'manual' : 'error' });
  };
}
