import { type ServerCredentials } from '@grpc/grpc-js';
import { secureServer, type SecureServerOptions, type IdentityInput } from '@svidkit/tls';

import { serverCredentialsOf } from './grpc-internals.ts';
import { IdentifiedCall } from './identified-call.ts';

/** Options of {@link createServerCredentials}. */
export type ServerCredentialsOptions = SecureServerOptions;

/**
 * Credentials for `server.bindAsync` of `@grpc/grpc-js`, NestJS and whatever else takes them. What is bound presents the
 * source's SVID, follows its rotations, and lets only verified and authorised peers begin a call.
 *
 * Each port that is bound with them has its own limits of handshakes.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, `ERR_SOURCE_CLOSED`; `ERR_CONFIG_RUNTIME`
 * when grpc-js or Node.js is of a version on which the gate would not be in front of every connection.
 */
export function createServerCredentials(
  source: IdentityInput,
  options: ServerCredentialsOptions,
): ServerCredentials {
  const given = { ...options };
  return serverCredentialsOf(
    (server) => secureServer(server, source, given),
    (call, stream) => new IdentifiedCall(call, stream?.session),
  );
}
