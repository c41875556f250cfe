import { SpiffeError, type SpiffeId } from '@svidkit/core';
import { type JwtClaims, type VerifiedJwtSvid } from '@svidkit/core/jwt';
import { anyPeerOf as peerOfConnection, type LegacyPeer, type Peer, type SocketHolder } from '@svidkit/tls';

/**
 * Who makes a request, as its token proves. Of this request alone: other requests of the same connection can be of
 * others. Not a `Peer`: whoever shows a token has not proven more than to have it.
 */
export interface JwtPeer {
  readonly kind: 'jwt';
  /** The subject of the token. */
  readonly id: SpiffeId;
  /** For whom the token is. */
  readonly audience: readonly string[];
  /** When the token expires, in milliseconds since the Unix epoch. It may have by now: it was valid when it came. */
  readonly expiry: number;
  /** The claim `jti`, for those who want each token to be used once. */
  readonly jwtId: string | undefined;
  /** All claims. */
  readonly claims: JwtClaims;
}

/** Anything that leads to a request: of node:http and node:http2, of Fastify and Nest, the context of Koa and Hono. */
export type RequestHolder =
  | SocketHolder
  | { readonly raw?: unknown }
  | { readonly req?: unknown }
  | { readonly env?: unknown };

const KEY: unique symbol = Symbol.for('@svidkit/http/jwt-peers.v1') as never;

/** One for the process, so that two copies of this package see each other's decisions. */
function peers(): WeakMap<object, JwtPeer> {
  const holder = globalThis as { [KEY]?: WeakMap<object, JwtPeer> };
  const existing = holder[KEY];
  if (existing !== undefined) return existing;
  const created = new WeakMap<object, JwtPeer>();
  Object.defineProperty(globalThis, KEY, { value: created });
  return created;
}

/** Records who makes a request. Called by {@link checkJwt} alone. */
export function rememberJwtPeer(request: object, svid: VerifiedJwtSvid): JwtPeer {
  const { id, audience, expiry, jwtId, claims } = svid;
  const peer: JwtPeer = Object.freeze({ kind: 'jwt', id, audience, expiry, jwtId, claims });
  peers().set(requestOf(request), peer);
  return peer;
}

/**
 * Who makes a request, as its token proved.
 *
 * @param holder - a request, or what leads to one.
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED` when no token of it was checked, also when its connection has a peer:
 * that one is asked for with `peerOf`.
 */
export function jwtPeerOf(holder: RequestHolder | null | undefined): JwtPeer {
  const peer = find(holder);
  if (peer !== undefined) return peer;
  throw new SpiffeError('ERR_PEER_UNVERIFIED', 'no token of this request was checked, so it proves nobody', {
    hint: 'Put authorizeJwt() in front of this route.',
  });
}

/**
 * Who makes a request: whom its token proved, where one was checked; otherwise the peer of its connection. Look at its
 * `kind`, which is `jwt`, `spiffe` or `legacy`.
 *
 * @param holder - a request, or what leads to one.
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED`, `ERR_PEER_EXPIRED`.
 */
export function anyPeerOf(holder: RequestHolder | null | undefined): JwtPeer | Peer | LegacyPeer {
  return (
    find(holder) ?? peerOfConnection(holder === null || holder === undefined ? holder : requestOf(holder))
  );
}

function find(holder: unknown): JwtPeer | undefined {
  return typeof holder === 'object' && holder !== null ? peers().get(requestOf(holder)) : undefined;
}

/** The request of Node.js itself, which frameworks keep under different names. */
function requestOf(holder: object): object {
  const { raw, req, env } = holder as {
    readonly raw?: unknown;
    readonly req?: unknown;
    readonly env?: unknown;
  };
  const { incoming } = (isObject(env) ? env : {}) as { readonly incoming?: unknown };
  // Koa, Fastify and Nest, Hono. Hono has a `req` too, its own.
  return [incoming, raw, req].find((one) => isObject(one)) ?? holder;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
