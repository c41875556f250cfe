import { type IncomingHttpHeaders } from 'node:http';

import { type Authorizer, checkAuthorized, type DenyList, publish, requireAuthorizer } from '@svidkit/core';
import {
  type JwtSource,
  jwtSubject,
  readBearer,
  requireNotDenied,
  requireValidateOptions,
  type ValidateJwtSvidOptions,
} from '@svidkit/core/jwt';

import { publishRefusal, type RequestLike } from './check-request.ts';
import { type JwtPeer, rememberJwtPeer } from './jwt-peer.ts';

/** Options of {@link checkJwt} and of `authorizeJwt`. */
export interface AuthorizeJwtOptions extends ValidateJwtSvidOptions {
  /** Who may make the request. */
  readonly authorize: Authorizer;
  /** Who is turned away whatever `authorize` says, by ID. Asked for each request. */
  readonly deny?: DenyList;
}

/** A request with headers. */
type RequestWithHeaders = RequestLike & {
  readonly headers?: IncomingHttpHeaders;
  /** Names and values in turn, each as often as it came. */
  readonly rawHeaders?: readonly string[];
};

/** What gives the means to validate tokens: a `JwtSource`. */
export type JwtValidator = Pick<JwtSource, 'validateJwtSvid'>;

/**
 * The one question of every adapter about tokens: who makes this request, by its header `authorization`, and may they?
 * Fails closed. An acceptance is published on `svidkit:jwt.accepted`, a refusal on `svidkit:request.rejected`, neither
 * with the token.
 *
 * @param request - of node:http or node:http2.
 * @throws {@link SpiffeError} (as a rejection) `ERR_JWT_MISSING`, whatever {@link JwtSource.validateJwtSvid} throws,
 * `ERR_PEER_DENIED`, `ERR_PEER_UNAUTHORIZED`.
 */
export async function checkJwt(
  request: RequestWithHeaders | null | undefined,
  source: JwtValidator,
  options: AuthorizeJwtOptions,
): Promise<JwtPeer> {
  try {
    const svid = await source.validateJwtSvid(tokenOf(request), options);
    requireNotDenied(options.deny, svid);
    checkAuthorized(options.authorize, jwtSubject(svid));
    const { id, audience, expiry } = svid;
    publish('svidkit:jwt.accepted', () => ({ id: id.toString(), audience, expiry }));
    return rememberJwtPeer(request ?? {}, svid);
  } catch (cause) {
    throw publishRefusal(request, cause);
  }
}

function tokenOf(request: RequestWithHeaders | null | undefined): string {
  const { rawHeaders, headers } = request ?? {};
  // As it came: `headers` has the first of two alone, and `headersDistinct` is empty for every message of a process once
  // anything has read it of the prototype (`inspect` with `getters` does), which then keeps what is meant for one message.
  if (rawHeaders === undefined) return readBearer(headers?.authorization);
  const values = rawHeaders.filter(
    (_, i) => rawHeaders[i - 1]?.toLowerCase() === 'authorization' && i % 2 === 1,
  );
  return readBearer(values);
}

/**
 * Refuses options that can let nobody in, when an adapter is made.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function requireJwtOptions(options: AuthorizeJwtOptions): void {
  requireValidateOptions(options);
  requireAuthorizer(options.authorize, 'authorizeJwt');
}
