import {
  createSecureServer,
  type Http2SecureServer,
  type SecureServerOptions as Http2Options,
} from 'node:http2';
import { type Server as HttpsServer, type ServerOptions as HttpsOptions } from 'node:https';

import { type X509Source } from '@svidkit/core';
import { createHttpsServer, secureServer, type SecureServerOptions } from '@svidkit/tls';
import { type FastifyServerFactory } from 'fastify';

import { coverLocalhost } from './cover-localhost.ts';

/** Options of {@link gatedServer}. */
export interface GatedServerOptions extends SecureServerOptions {
  /** Speaks HTTP/2, and HTTP/1.1 with clients that do not. @default false */
  readonly http2?: boolean;
}

/** What Fastify leaves to whoever makes its server. */
interface ServerSettings {
  readonly keepAliveTimeout?: number;
  readonly requestTimeout?: number;
  readonly connectionTimeout?: number;
  readonly maxRequestsPerSocket?: number;
  readonly http2SessionTimeout?: number;
}

/** The part of the options of Fastify that makes it serve on a gated HTTPS server. */
export interface GatedHttps {
  readonly https: HttpsOptions;
  readonly serverFactory: FastifyServerFactory<HttpsServer>;
}

/** The same for HTTP/2. */
export interface GatedHttp2 {
  readonly http2: true;
  readonly https: Http2Options;
  readonly serverFactory: FastifyServerFactory<Http2SecureServer>;
}

/**
 * Makes Fastify serve on a gated server: `Fastify({ ...gatedServer(source, { authorize }) })`. Only verified and
 * authorised peers reach the application, on every address: listening on `localhost` covers all addresses of that
 * name, through the one server.
 *
 * @returns options of Fastify, to be spread into its own.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`, when Fastify makes the server.
 */
export function gatedServer(
  source: X509Source,
  options: GatedServerOptions & { readonly http2: true },
): GatedHttp2;
export function gatedServer(
  source: X509Source,
  options: GatedServerOptions & { readonly http2?: false },
): GatedHttps;
export function gatedServer(source: X509Source, options: GatedServerOptions): GatedHttps | GatedHttp2 {
  const { http2 = false, ...rest } = options;
  return http2
    ? { http2, https: {}, serverFactory: http2Factory(source, rest) }
    : { https: {}, serverFactory: httpsFactory(source, rest) };
}

function httpsFactory(source: X509Source, options: SecureServerOptions): FastifyServerFactory<HttpsServer> {
  return (handler, given) => {
    const settings = given as ServerSettings;
    const server = createHttpsServer(source, options, handler);
    server.keepAliveTimeout = settings.keepAliveTimeout ?? server.keepAliveTimeout;
    server.requestTimeout = settings.requestTimeout ?? server.requestTimeout;
    // As in Fastify, 0 stands for what Node.js does.
    server.maxRequestsPerSocket = settings.maxRequestsPerSocket ?? 0;
    server.setTimeout(settings.connectionTimeout ?? 0);
    return coverLocalhost(server);
  };
}

function http2Factory(
  source: X509Source,
  options: SecureServerOptions,
): FastifyServerFactory<Http2SecureServer> {
  return (handler, given) => {
    const settings = given as ServerSettings;
    const server = secureServer(createSecureServer({ allowHTTP1: true }, handler), source, options);
    server.on('session', (session) => {
      session.setTimeout(settings.http2SessionTimeout ?? 0, () => session.close());
    });
    server.setTimeout(settings.connectionTimeout ?? 0);
    return coverLocalhost(server);
  };
}
