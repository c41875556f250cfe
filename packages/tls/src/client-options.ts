import { type Authorizer, type Clock, systemClock, type X509Source } from '@svidkit/core';

import { type TlsFloor } from './context-options.ts';
import { type OpenOptions } from './open-connection.ts';
import {
  checkAuthorizer,
  checkCount,
  checkFloor,
  checkSource,
  type ConnectionLifeOptions,
  parseConnectionLife,
  refuseForbidden,
} from './server-options.ts';
import { parseTargetAuthorizer, type TargetAuthorizer, type TargetAuthorizers } from './target-authorizer.ts';

/** What every client is asked, whatever it connects to. */
export interface ClientOptions extends ConnectionLifeOptions {
  /** The oldest TLS version to speak. @default 'TLSv1.3' */
  readonly minVersion?: TlsFloor;
  /** Milliseconds that connecting and the handshake may take together. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /** Where time comes from. Default: this machine. */
  readonly clock?: Clock;
}

/** What a client of one kind of server is asked. */
export interface SecureClientOptions extends ClientOptions {
  /** Which servers to speak to. Required; anyone with a verified identity is spelled `authorizeAny()`. */
  readonly authorize: Authorizer;
}

/** What a client of many servers is asked. */
export interface TargetClientOptions extends ClientOptions {
  /**
   * Which servers to speak to, for all origins or for each. Required; anyone with a verified identity is spelled
   * `authorizeAny()`.
   */
  readonly authorize: TargetAuthorizer;
}

/**
 * Checks the options that clients share and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function parseClientOptions(source: X509Source, options: SecureClientOptions): OpenOptions {
  return { ...parseCommon(source, options), authorize: checkAuthorizer(options.authorize) };
}

/**
 * The same for clients of many servers.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function parseTargetClientOptions(
  source: X509Source,
  options: TargetClientOptions,
): Omit<OpenOptions, 'authorize'> & { readonly authorizers: TargetAuthorizers } {
  return { ...parseCommon(source, options), authorizers: parseTargetAuthorizer(options.authorize) };
}

function parseCommon(source: X509Source, options: ClientOptions): Omit<OpenOptions, 'authorize'> {
  checkSource(source);
  for (const [name, value] of Object.entries(options)) if (value !== undefined) refuseForbidden(name);
  return {
    minVersion: checkFloor(options.minVersion),
    handshakeTimeoutMs: checkCount('handshakeTimeoutMs', options.handshakeTimeoutMs, 10_000, 1),
    clock: options.clock ?? systemClock,
    ...parseConnectionLife(options),
  };
}
