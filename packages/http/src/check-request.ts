import { type Authorizer, checkAuthorized, publish, SpiffeError } from '@svidkit/core';
import { type Peer, peerOf, type SocketHolder } from '@svidkit/tls';

/** What a request of any framework on node:http or node:http2 has. */
export type RequestLike = SocketHolder & {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Frameworks that shorten `url` on the way to a handler keep the whole one here. */
  readonly originalUrl?: string | undefined;
};

/**
 * The one question of every adapter: whose request is it, and may they make it? Fails closed. A refusal is published
 * once on `svidkit:request.rejected`, whoever asked.
 *
 * @param request - of node:http or node:http2, as a framework hands it on; anything else is refused.
 * @returns the verified peer of the request's connection.
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED`, `ERR_PEER_EXPIRED`, `ERR_PEER_UNAUTHORIZED` (also when the
 * authorizer itself fails).
 */
export function checkRequest(request: RequestLike | null | undefined, authorizer: Authorizer): Peer {
  return publishingRefusals(request, () => {
    const peer = peerOf(request);
    checkAuthorized(authorizer, { id: peer.id, leaf: peer.certificate });
    return peer;
  });
}

/** Runs one decision about a request; when it throws, the refusal is published and thrown on. */
export function publishingRefusals<T>(request: RequestLike | null | undefined, decide: () => T): T {
  try {
    return decide();
  } catch (cause) {
    throw publishRefusal(request, cause);
  }
}

/** The refusal that a failure of a decision about a request is, told to whoever listens. */
export function publishRefusal(request: RequestLike | null | undefined, cause: unknown): SpiffeError {
  const error = asRefusal(cause);
  publish('svidkit:request.rejected', () => ({
    id: error.peer,
    method: request?.method,
    path: pathOf(request?.originalUrl ?? request?.url),
    error,
  }));
  return error;
}

/** Any failure of a decision is a refusal, whatever threw it. */
function asRefusal(cause: unknown): SpiffeError {
  if (cause instanceof SpiffeError) return cause;
  return new SpiffeError('ERR_PEER_UNAUTHORIZED', 'the request could not be judged', {
    blame: 'caller',
    cause,
  });
}

/** The path of a request target: without query, and without the authority (and its password) of an absolute one. */
function pathOf(target: string | undefined): string | undefined {
  const [path] = /^[^?#]*/.exec(target ?? '') ?? [];
  if (path === undefined || path === '') return undefined;
  if (path.startsWith('/')) return path;
  return /^[a-z][a-z0-9+.-]*:\/\/[^/]*(\/.*)$/i.exec(path)?.[1];
}
