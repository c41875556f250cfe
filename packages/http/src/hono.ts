import { type Authorizer, requireAuthorizer } from '@svidkit/core';
import { type Peer } from '@svidkit/tls';
import { type MiddlewareHandler } from 'hono';

import { checkRequest, type RequestLike } from './check-request.ts';
import { problemOf } from './problem.ts';

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
      const { status, headers, body } = problemOf(error);
      return new Response(JSON.stringify(body), { status, headers });
    }
    context.set('peer', peer);
    await next();
    return undefined;
  };
}
