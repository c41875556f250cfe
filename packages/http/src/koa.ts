import { type IncomingMessage } from 'node:http';

import { type Authorizer, requireAuthorizer } from '@svidkit/core';

import { checkRequest } from './check-request.ts';
import { problemOf } from './problem.ts';

export { peerOf } from '@svidkit/tls';

/** What the middleware needs of a Koa context. */
export interface ContextLike {
  readonly req: IncomingMessage;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}

/** Middleware of Koa 3 and 2. */
export type Middleware = (context: ContextLike, next: () => Promise<unknown>) => Promise<void>;

/**
 * Lets through requests whose peer `authorizer` allows; answers others with a problem document, and no middleware after
 * it runs. Others learn who asks by `peerOf(ctx.req)`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function authorize(authorizer: Authorizer): Middleware {
  requireAuthorizer(authorizer, 'authorize');
  return async function authorizeRequest(context, next) {
    try {
      checkRequest(context.req, authorizer);
    } catch (error) {
      const { status, headers, body } = problemOf(error);
      context.status = status;
      context.body = JSON.stringify(body);
      // After the body, for which Koa guesses a type.
      context.set(headers);
      return;
    }
    await next();
  };
}
