import { type IncomingMessage, type ServerResponse } from 'node:http';

import { type Authorizer, requireAuthorizer } from '@svidkit/core';

import { checkRequest } from './check-request.ts';
import { problemOf } from './problem.ts';

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
      const { status, headers, body } = problemOf(error);
      response.writeHead(status, headers).end(JSON.stringify(body));
      return;
    }
    next();
  };
}
