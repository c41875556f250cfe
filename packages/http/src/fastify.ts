import { authorizeAny, type Authorizer, requireAuthorizer } from '@svidkit/core';
import { type Peer, peerOf } from '@svidkit/tls';
import { type FastifyPluginCallback, type onRequestHookHandler } from 'fastify';

import { checkRequest } from './check-request.ts';
import { problemOf } from './problem.ts';

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
      const { status, headers, body } = problemOf(error);
      // As text: a response schema of the route must not reshape it.
      void reply.code(status).headers(headers).send(JSON.stringify(body));
      return;
    }
    done();
  };
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
