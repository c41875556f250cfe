import { type Authorizer, requireAuthorizer } from '@svidkit/core';
import { type Peer } from '@svidkit/tls';
import { type MiddlewareHandler } from 'hono';

import { type AuthorizeJwtOptions, checkJwt, type JwtValidator, requireJwtOptions } from './check-jwt.ts';
import { checkRequest, type RequestLike } from './check-request.ts';
import { type JwtPeer } from './jwt-peer.ts';
import { problemOf } from './problem.ts';

/** What {@link authorizeJwt} adds to the context of Hono. */
export interface JwtPeerEnv {
  Variables: {
    /** Who makes the request, as its token proved. */
    jwtPeer: JwtPeer;
  };
}

/** What the middleware adds to the context of Hono. */
export interface PeerEnv {
  Variables: {
    /** The verified peer of the request's connection. */
    peer: Peer;
  };
}

/**
 * Lets through requests whose peer `authorizer` allows, with the peer as `c.var.peer`; answers others with a problem
 * document, and no handler after it runs. Needs `@hono/node-server`, which hands on the request of node:http; without
 * one everybody is refused.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function authorize(authorizer: Authorizer): MiddlewareHandler<PeerEnv> {
  requireAuthorizer(authorizer, 'authorize');
  return async function authorizeRequest(context, next) {
    const { incoming } = (context.env ?? {}) as { readonly incoming?: RequestLike };
    let peer: Peer;
    try {
      peer = checkRequest(incoming, authorizer);
    } catch (error) {
      return refusal(error);
    }
    context.set('peer', peer);
    await next();
    return undefined;
  };
}

/**
 * Lets through requests whose token `source` can validate and whose subject `authorize` allows, with the subject as
 * `c.var.jwtPeer`; answers others with a problem document and a challenge, and no handler after it runs. Needs
 * `@hono/node-server`, as {@link authorize}.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without audience, `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeJwt(
  source: JwtValidator,
  options: AuthorizeJwtOptions,
): MiddlewareHandler<JwtPeerEnv> {
  requireJwtOptions(options);
  return async function authorizeRequest(context, next) {
    const { incoming } = (context.env ?? {}) as { readonly incoming?: RequestLike };
    let peer: JwtPeer;
    try {
      peer = await checkJwt(incoming, source, options);
    } catch (error) {
      return refusal(error);
    }
    context.set('jwtPeer', peer);
    await next();
    return undefined;
  };
}

function refusal(error: unknown): Response {
  const { status, headers, body } = problemOf(error);
  return new Response(JSON.stringify(body), { status, headers });
}
