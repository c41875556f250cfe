import { type IncomingMessage, type ServerResponse } from 'node:http';

import { type Authorizer, requireAuthorizer } from '@svidkit/core';

import { type AuthorizeJwtOptions, checkJwt, type JwtValidator, requireJwtOptions } from './check-jwt.ts';
import { checkRequest } from './check-request.ts';
import { problemOf } from './problem.ts';

export { anyPeerOf, jwtPeerOf } from './jwt-peer.ts';
export { peerOf } from '@svidkit/tls';

/** Middleware of Express 5 and 4, and of everything else that has the form of Connect. */
export type Middleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Lets through requests whose peer `authorizer` allows; answers others with a problem document, and no handler after it
 * runs. For an application, a router or a single route. Handlers learn who asks by `peerOf(req)`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function authorize(authorizer: Authorizer): Middleware {
  requireAuthorizer(authorizer, 'authorize');
  return function authorizeRequest(request, response, next) {
    try {
      checkRequest(request, authorizer);
    } catch (error) {
      refuse(response, error);
      return;
    }
    next();
  };
}

/**
 * Lets through requests whose token `source` can validate and whose subject `authorize` allows; answers others with a
 * problem document and a challenge, and no handler after it runs. Handlers learn who asks by `jwtPeerOf(req)`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without audience, `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeJwt(source: JwtValidator, options: AuthorizeJwtOptions): Middleware {
  requireJwtOptions(options);
  return function authorizeRequest(request, response, next) {
    void admit(request, response, next);
  };
  async function admit(...[request, response, next]: Parameters<Middleware>): Promise<void> {
    try {
      await checkJwt(request, source, options);
    } catch (error) {
      refuse(response, error);
      return;
    }
    next();
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  const { status, headers, body } = problemOf(error);
  response.writeHead(status, headers).end(JSON.stringify(body));
}
