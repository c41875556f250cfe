import { type CanActivate, createParamDecorator, type ExecutionContext, HttpException } from '@nestjs/common';
import { authorizeAny, type Authorizer, requireAuthorizer } from '@svidkit/core';
import { type Peer } from '@svidkit/tls';

import { type AuthorizeJwtOptions, checkJwt, type JwtValidator, requireJwtOptions } from './check-jwt.ts';
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
 * A guard that lets through requests whose token `source` can validate and whose subject `authorize` allows; others get a
 * problem document and a challenge. For the same places as {@link authorize}. Handlers learn who asks by `jwtPeerOf(req)`
 * of `@svidkit/http`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without audience, `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeJwt(source: JwtValidator, options: AuthorizeJwtOptions): CanActivate {
  requireJwtOptions(options);
  return {
    async canActivate(context) {
      const request = httpOf(context)?.getRequest<
        (RequestLike & { readonly raw?: RequestLike }) | undefined
      >();
      try {
        await checkJwt(request?.raw ?? request, source, options);
        return true;
      } catch (cause) {
        throw refusal(context, cause);
      }
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
  try {
    return checkRequest(httpOf(context)?.getRequest<RequestLike | undefined>(), authorizer);
  } catch (cause) {
    throw refusal(context, cause);
  }
}

function httpOf(context: ExecutionContext): ReturnType<ExecutionContext['switchToHttp']> | undefined {
  return context.getType() === 'http' ? context.switchToHttp() : undefined;
}

function refusal(context: ExecutionContext, cause: unknown): HttpException {
  const { status, headers, body } = problemOf(cause);
  const response = httpOf(context)?.getResponse<PlatformResponse | undefined>();
  for (const [name, value] of Object.entries(headers)) response?.header?.(name, value);
  return new HttpException(body, status, { cause });
}

interface PlatformResponse {
  readonly header?: (name: string, value: string) => unknown;
}
