import { type IncomingMessage } from 'node:http';

import { type Authorizer, requireAuthorizer } from '@svidkit/core';

import { type AuthorizeJwtOptions, checkJwt, type JwtValidator, requireJwtOptions } from './check-jwt.ts';
import { checkRequest } from './check-request.ts';
import { problemOf } from './problem.ts';

export { anyPeerOf, jwtPeerOf } from './jwt-peer.ts';
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
      refuse(context, error);
      return;
    }
    await next();
  };
}

/**
 * Lets through requests whose token `source` can validate and whose subject `authorize` allows; answers others with a
 * problem document and a challenge, and no middleware after it runs. Others learn who asks by `jwtPeerOf(ctx)`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without audience, `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeJwt(source: JwtValidator, options: AuthorizeJwtOptions): Middleware {
  requireJwtOptions(options);
  return async function authorizeRequest(context, next) {
    try {
      await checkJwt(context.req, source, options);
    } catch (error) {
      refuse(context, error);
      return;
    }
    await next();
  };
}

function refuse(context: ContextLike, error: unknown): void {
  const { status, headers, body } = problemOf(error);
  context.status = status;
  context.body = JSON.stringify(body);
  // After the body, for which Koa guesses a type.
  context.set(headers);
}
