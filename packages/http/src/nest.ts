import { type CanActivate, createParamDecorator, type ExecutionContext, HttpException } from '@nestjs/common';
import { authorizeAny, type Authorizer, requireAuthorizer } from '@svidkit/core';
import { type Peer } from '@svidkit/tls';

import { checkRequest, type RequestLike } from './check-request.ts';
import { problemOf } from './problem.ts';

/**
 * A guard that lets through requests whose peer `authorizer` allows; others get a problem document. For
 * `@UseGuards(authorize(...))` on a controller or a handler, and `app.useGlobalGuards(...)`. Only requests over
 * HTTP have a peer: in any other kind of context everybody is refused.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER`.
 */
export function authorize(authorizer: Authorizer): CanActivate {
  requireAuthorizer(authorizer, 'authorize');
  return {
    canActivate(context) {
      checkContext(context, authorizer);
      return true;
    },
  };
}

/**
 * A parameter decorator: the verified peer of the request's connection, a `Peer`. Whoever has none gets a problem
 * document, also without a guard.
 */
export const RequestPeer: () => ParameterDecorator = createParamDecorator(
  (_data: undefined, context: ExecutionContext): Peer => checkContext(context, authorizeAny()),
);

function checkContext(context: ExecutionContext, authorizer: Authorizer): Peer {
  const http = context.getType() === 'http' ? context.switchToHttp() : undefined;
  try {
    return checkRequest(http?.getRequest<RequestLike | undefined>(), authorizer);
  } catch (cause) {
    const { status, headers, body } = problemOf(cause);
    const response = http?.getResponse<PlatformResponse | undefined>();
    for (const [name, value] of Object.entries(headers)) response?.header?.(name, value);
    throw new HttpException(body, status, { cause });
  }
}

interface PlatformResponse {
  readonly header?: (name: string, value: string) => unknown;
}
