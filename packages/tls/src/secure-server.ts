import { Server } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { type Drainable, drainServers, followServer } from './drain-servers.ts';
import { gate, type GateOptions } from './gate.ts';
import { type Identity, type IdentityInput } from './identity.ts';
import { hasContextCallback } from './intercept-emit.ts';
import { registry } from './registry.ts';
import { parseServerOptions, type SecureServerOptions } from './server-options.ts';

/**
 * Turns a TLS, HTTPS or secure HTTP/2 server that somebody else made into a gated one: certificate request, gate,
 * the source's identity, no tickets. For frameworks that create the server themselves.
 *
 * @param server - not listening yet, with no certificates of its own.
 * @returns the same server, with a method `drain`.
 * @throws {@link SpiffeError} `ERR_CONFIG_SERVER` when it is no TLS server, listens already, is gated already, or
 * chooses certificates by server name; `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function secureServer<S extends Server>(
  server: S,
  source: IdentityInput,
  options: SecureServerOptions,
): Gated<S> {
  const { identity, gateOptions } = parseServerOptions(source, options);
  if (!(server instanceof Server)) {
    throw new SpiffeError(
      'ERR_CONFIG_SERVER',
      'the server must be a tls.Server, https.Server or Http2SecureServer',
      {
        hint: 'A plain http.Server cannot be secured afterwards; create an HTTPS one.',
      },
    );
  }
  if (server.listening) {
    throw new SpiffeError(
      'ERR_CONFIG_SERVER',
      'the server listens already, so a connection may have slipped in',
      {
        hint: 'Call secureServer before listen.',
      },
    );
  }
  if (registry().gated.has(server)) {
    throw new SpiffeError('ERR_CONFIG_SERVER', 'the server is gated already');
  }
  if (hasContextCallback(server)) {
    throw new SpiffeError('ERR_CONFIG_SERVER', 'the server chooses certificates or keys by itself', {
      hint: 'Create it without SNICallback, ALPNCallback, pskCallback and addContext.',
    });
  }
  return gated(server, identity, gateOptions);
}

/** A server behind the gate, which can also end in good order. */
export type Gated<S extends Server> = S & Drainable;

/** Requests a certificate from every client, lets OpenSSL judge none of them, and puts the gate in front. */
export function gated<S extends Server>(server: S, identity: Identity, options: GateOptions): Gated<S> {
  Object.assign(server, { requestCert: true, rejectUnauthorized: false });
  followServer(server, gate(server, identity, options));
  const drain: Drainable['drain'] = (given) => drainServers([server], { clock: options.clock, ...given });
  return Object.assign(server, { drain });
}
