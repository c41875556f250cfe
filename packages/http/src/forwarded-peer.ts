import { type IncomingHttpHeaders } from 'node:http';

import {
  type AuthorizedSubject,
  type Authorizer,
  checkAuthorized,
  isSpiffeError,
  requireAuthorizer,
  SpiffeError,
  SpiffeId,
} from '@svidkit/core';
import { type Peer, peerOf } from '@svidkit/tls';

import { publishingRefusals, type RequestLike } from './check-request.ts';
import { parseXfcc, type XfccElement } from './xfcc.ts';

/** Options of {@link forwardedPeerOf}. */
export interface ForwardedPeerOptions {
  /** The proxies that are believed, by their own identities. */
  readonly proxies: Authorizer;
  /** How many proxies stand between the client and us, each of which adds an element. 1 to 32. @default 1 */
  readonly trustedHops?: number;
}

/** A client that a proxy vouches for. Not a `Peer`: it proved nothing to us. */
export interface ForwardedPeer {
  readonly kind: 'forwarded';
  /** Whom the proxy saw. */
  readonly id: SpiffeId;
  /** Who says so: the verified peer of this connection. */
  readonly proxy: Peer;
  /** All that the proxy wrote. */
  readonly element: XfccElement;
}

const HEADER = 'x-forwarded-client-cert';
const MAX_HOPS = 32;

/**
 * The client in front of a proxy, from the header `x-forwarded-client-cert`. The header is looked at only when the peer
 * of the connection is one of `proxies`, and only in the elements that trusted proxies wrote, counted from the nearest:
 * what a client put in front of them means nothing. The client's ID is the one `URI` of its element, to the letter.
 *
 * The proxy must replace the header or append to it. One that hands it on untouched lets its clients write it.
 *
 * @param request - of node:http or node:http2.
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED`, `ERR_PEER_EXPIRED`; `ERR_PEER_UNAUTHORIZED` when the peer, or one
 * of the proxies behind it, is none of `proxies`; `ERR_XFCC_INVALID` when the header is missing, malformed, of
 * too few hops, by another proxy, or does not name exactly one SPIFFE ID; `ERR_CONFIG_OPTION`,
 * `ERR_CONFIG_AUTHORIZER`.
 */
export function forwardedPeerOf(
  request: RequestLike & { readonly headers: IncomingHttpHeaders },
  options: ForwardedPeerOptions,
): ForwardedPeer {
  const proxies = requireAuthorizer(options.proxies, 'forwardedPeerOf');
  const hops = checkHops(options.trustedHops);
  return publishingRefusals(request, () => {
    const proxy = peerOf(request);
    checkAuthorized(proxies, { id: proxy.id, leaf: proxy.certificate });
    const elements = parseXfcc(readHeader(request.headers));
    if (elements.length < hops) throw invalid(`want ${hops} elements, got ${elements.length}`);

    // From the nearest proxy outwards: each of them was seen by the one before it.
    for (const [index, element] of elements.slice(-hops).toReversed().entries()) {
      checkWriter(element, proxy, proxies);
      const id = onlyId(element);
      if (index === hops - 1) return Object.freeze<ForwardedPeer>({ kind: 'forwarded', id, proxy, element });
      checkAuthorized(proxies, named(id));
    }
    throw invalid('want an element');
  });
}

function checkHops(given: number | undefined): number {
  const hops = given ?? 1;
  if (Number.isSafeInteger(hops) && hops >= 1 && hops <= MAX_HOPS) return hops;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `trustedHops must be a whole number from 1 to ${MAX_HOPS}, got ${String(given)}`,
  );
}

function readHeader(headers: IncomingHttpHeaders): string {
  const value = headers[HEADER];
  if (value === undefined) throw invalid('it is missing');
  return typeof value === 'string' ? value : value.join(',');
}

/** An element that says who wrote it must name the proxy that we see, or another one that we believe. */
function checkWriter(element: XfccElement, proxy: Peer, proxies: Authorizer): void {
  for (const by of element.by) {
    const id = parseId(by, 'By');
    if (id.equals(proxy.id)) continue;
    try {
      checkAuthorized(proxies, named(id));
    } catch (cause) {
      throw invalid('it was written by another proxy', cause);
    }
  }
}

function onlyId(element: XfccElement): SpiffeId {
  const [uri, ...more] = element.uri;
  if (uri === undefined || more.length > 0) throw invalid(`want one URI, got ${element.uri.length}`);
  return parseId(uri, 'URI');
}

function parseId(text: string, key: string): SpiffeId {
  try {
    return SpiffeId.parse(text);
  } catch (cause) {
    const reason = isSpiffeError(cause) ? `: ${cause.message}` : '';
    throw invalid(`want a SPIFFE ID as ${key}${reason}`, cause);
  }
}

/** Somebody of whom we know the name alone. An authorizer that wants to see a certificate fails, and so refuses. */
function named(id: SpiffeId): AuthorizedSubject {
  return {
    id,
    get leaf(): never {
      throw new SpiffeError('ERR_PEER_UNVERIFIED', 'there is no certificate of a proxy further away');
    },
  };
}

function invalid(message: string, cause?: unknown): SpiffeError {
  const options = cause === undefined ? {} : { cause };
  return new SpiffeError('ERR_XFCC_INVALID', `the header ${HEADER} is not believed: ${message}`, options);
}
