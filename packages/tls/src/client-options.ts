import { type Authorizer, type Clock, systemClock } from '@svidkit/core';

import { type OpenOptions } from './attempt-connection.ts';
import { type TlsFloor } from './context-options.ts';
import { Identity, type IdentityInput, type MigrationOptions } from './identity.ts';
import {
  checkAuthorizer,
  checkCount,
  checkDeny,
  checkFloor,
  checkResumption,
  type ConnectionLifeOptions,
  type DenyOptions,
  type ResumptionOptions,
  parseConnectionLife,
  refuseForbidden,
} from './server-options.ts';
import { SessionStore } from './session-store.ts';
import { parseTargetAuthorizer, type TargetAuthorizer, type TargetAuthorizers } from './target-authorizer.ts';

/** What every client is asked, whatever it connects to. */
export interface ClientOptions
  extends ConnectionLifeOptions, Omit<MigrationOptions, 'dryRun'>, DenyOptions, ResumptionOptions {
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
 * @param identity - one that was made of the same `input` and options before.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function parseClientOptions(
  input: IdentityInput,
  options: SecureClientOptions,
  identity?: Identity,
): OpenOptions {
  return { ...parseCommon(input, options, identity), authorize: checkAuthorizer(options.authorize) };
}

/**
 * The same for clients of many servers.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function parseTargetClientOptions(
  input: IdentityInput,
  options: TargetClientOptions,
): Omit<OpenOptions, 'authorize'> & { readonly authorizers: TargetAuthorizers } {
  return { ...parseCommon(input, options), authorizers: parseTargetAuthorizer(options.authorize) };
}

function parseCommon(
  input: IdentityInput,
  options: ClientOptions,
  known?: Identity,
): Omit<OpenOptions, 'authorize'> {
  for (const [name, value] of Object.entries(options)) if (value !== undefined) refuseForbidden(name);
  const { clock = systemClock } = options;
  const identity = known ?? new Identity(input, options, clock);
  return {
    identity,
    sessions: checkResumption(options.resumption, identity) ? new SessionStore() : undefined,
    deny: checkDeny(options.deny),
    minVersion: checkFloor(options.minVersion),
    handshakeTimeoutMs: checkCount('handshakeTimeoutMs', options.handshakeTimeoutMs, 10_000, 1),
    clock,
    ...parseConnectionLife(options),
  };
}
