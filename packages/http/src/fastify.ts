import { authorizeAny, type Authorizer, requireAuthorizer } from '@svidkit/core';
import { type Peer, peerOf } from '@svidkit/tls';
import {
  type FastifyPluginCallback,
  type FastifyReply,
  type onRequestAsyncHookHandler,
  type onRequestHookHandler,
} from 'fastify';

import { type AuthorizeJwtOptions, checkJwt, type JwtValidator, requireJwtOptions } from './check-jwt.ts';
import { checkRequest } from './check-request.ts';
import { problemOf } from './problem.ts';

export { anyPeerOf, jwtPeerOf } from './jwt-peer.ts';
export { gatedServer, type GatedServerOptions } from './fastify-server.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The verified peer of the request's connection.
     *
     * @throws {@link SpiffeError} `ERR_PEER_EXPIRED` when it has expired since the request began.
     */
    readonly peer: Peer;
  }
}

/**
 * A hook that lets through requests whose peer `authorizer` allows, and answers others with a problem document. For
 * `onRequest` of a route, or `addHook('onRequest', ...)` in any scope.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function authorize(authorizer: Authorizer): onRequestHookHandler {
  requireAuthorizer(authorizer, 'authorize');
  return function authorizeRequest(request, reply, done) {
    try {
      checkRequest(request.raw, authorizer);
    } catch (error) {
      void refuse(reply, error);
      return;
    }
    done();
  };
}

/**
 * A hook that lets through requests whose token `source` can validate and whose subject `authorize` allows, and answers
 * others with a problem document and a challenge. For `onRequest`, as {@link authorize}. Handlers learn who asks by
 * `jwtPeerOf(request)`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without audience, `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeJwt(source: JwtValidator, options: AuthorizeJwtOptions): onRequestAsyncHookHandler {
  requireJwtOptions(options);
  return async function authorizeRequest(request, reply) {
    try {
      await checkJwt(request.raw, source, options);
      return undefined;
    } catch (error) {
      return refuse(reply, error);
    }
  };
}

function refuse(reply: FastifyReply, error: unknown): FastifyReply {
  const { status, headers, body } = problemOf(error);
  // As text: a response schema of the route must not reshape it.
  return reply.code(status).headers(headers).send(JSON.stringify(body));
}

/**
 * The plugin: `await app.register(requestPeer)`. Every request of the application that it is registered with, those of
 * scopes below and of routes that were there before included, must come over a connection with a verified peer, which
 * is `request.peer`; others get a problem document.
 */
export const requestPeer: FastifyPluginCallback = Object.assign(
  ((app, _options, done) => {
    app.decorateRequest('peer', {
      getter() {
        return peerOf(this.raw);
      },
    });
    app.addHook('onRequest', authorize(authorizeAny()));
    done();
  }) satisfies FastifyPluginCallback,
  {
    // What the package fastify-plugin does: for the application that registers it, not for a scope of its own.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@svidkit/http',
    [Symbol.for('plugin-meta')]: { name: '@svidkit/http', fastify: '5.x' },
  },
);
