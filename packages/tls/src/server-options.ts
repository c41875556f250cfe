import { type Authorizer, type Clock, type DenyList, SpiffeError, systemClock } from '@svidkit/core';

import { type TlsFloor } from './context-options.ts';
import { type GateOptions } from './gate.ts';
import { type HandshakeLimitOptions, HandshakeLimits } from './handshake-limits.ts';
import { Identity, type IdentityInput, type MigrationOptions } from './identity.ts';

/** What every gated server is asked. */
export interface SecureServerOptions
  extends HandshakeLimitOptions, ConnectionLifeOptions, MigrationOptions, DenyOptions, ResumptionOptions {
  /** Who may connect. Required; anyone with a verified identity is spelled `authorizeAny()`. */
  readonly authorize: Authorizer;
  /** The oldest TLS version to speak. @default 'TLSv1.3' */
  readonly minVersion?: TlsFloor;
  /** Where time comes from. Default: this machine. */
  readonly clock?: Clock;
}

/** Whether sessions are resumed. */
export interface ResumptionOptions {
  /**
   * Resumes TLS sessions, which makes repeated connections cheaper. Each is verified and authorised all the same, by what
   * is remembered of the chain, and none outlives the generation it was made in. Not together with a legacy identity.
   * @default false
   */
  readonly resumption?: boolean;
}

/** Whom to turn away whatever else speaks for them. */
export interface DenyOptions {
  /** Denied peers are refused, and their connections destroyed as soon as they are denied. Default: nobody. */
  readonly deny?: DenyList;
}

/** How long connections live. */
export interface ConnectionLifeOptions {
  /**
   * Milliseconds after which a connection takes no new requests. It ends at the latest with the SVIDs shown on it, whatever
   * is given here. 0: no limit of its own. @default 0
   */
  readonly maxConnectionAgeMs?: number;
  /**
   * Milliseconds that a connection may live on after it was retired (by a rotation, its age, ...); then it is destroyed.
   * 0: until the SVIDs shown on it expire. @default 0
   */
  readonly drainDeadlineMs?: number;
}

/** The names of {@link SecureServerOptions}, to tell them from those of the server underneath. */
const OURS: ReadonlySet<string> = new Set([
  'authorize',
  'minVersion',
  'clock',
  'handshakeTimeoutMs',
  'maxHandshakes',
  'maxFailuresPerAddress',
  'maxConnectionAgeMs',
  'drainDeadlineMs',
  'accept',
  'prefer',
  'dryRun',
  'policy',
  'deny',
  'resumption',
]);

/** Options of node:tls that decide who is trusted or what is presented: the source does that. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'ALPNCallback',
  'SNICallback',
  'allowPartialTrustChain',
  'ca',
  'cert',
  'checkServerIdentity',
  'ciphers',
  'clientCertEngine',
  'crl',
  'dhparam',
  'ecdhCurve',
  'handshakeTimeout',
  'honorCipherOrder',
  'key',
  'maxVersion',
  'passphrase',
  'pfx',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'pskCallback',
  'pskIdentityHint',
  'rejectUnauthorized',
  'requestCert',
  'secureContext',
  'secureOptions',
  'secureProtocol',
  'session',
  'sessionIdContext',
  'sessionTimeout',
  'sigalgs',
  'ticketKeys',
]);

/**
 * Splits what a caller gave into the gate's options and those of the server underneath, checking both.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` naming the option.
 */
export function parseServerOptions<Options extends SecureServerOptions>(
  input: IdentityInput,
  options: Options,
): {
  identity: Identity;
  gateOptions: GateOptions;
  serverOptions: Omit<Options, keyof SecureServerOptions>;
} {
  checkRuntime();
  const { clock = systemClock, minVersion } = options;
  const identity = new Identity(input, options, clock);
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || OURS.has(name)) continue;
    refuseForbidden(name);
    rest[name] = value;
  }
  const gateOptions: GateOptions = {
    authorize: checkAuthorizer(options.authorize),
    minVersion: checkFloor(minVersion),
    handshakeTimeoutMs: checkCount('handshakeTimeoutMs', options.handshakeTimeoutMs, 10_000, 1),
    limits: new HandshakeLimits(
      clock,
      checkCount('maxHandshakes', options.maxHandshakes, 1024, 0),
      checkCount('maxFailuresPerAddress', options.maxFailuresPerAddress, 256, 0),
    ),
    clock,
    deny: checkDeny(options.deny),
    resumption: checkResumption(options.resumption, identity),
    ...parseConnectionLife(options),
  };
  return { identity, gateOptions, serverOptions: rest as Omit<Options, keyof SecureServerOptions> };
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. */
export function parseConnectionLife(options: ConnectionLifeOptions): Required<ConnectionLifeOptions> {
  return {
    maxConnectionAgeMs: checkCount('maxConnectionAgeMs', options.maxConnectionAgeMs, 0, 0),
    drainDeadlineMs: checkCount('drainDeadlineMs', options.drainDeadlineMs, 0, 0),
  };
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the option would take a decision from the source. */
export function refuseForbidden(name: string): void {
  if (!FORBIDDEN.has(name)) return;
  throw new SpiffeError('ERR_CONFIG_OPTION', `the option ${name} cannot be given`, {
    hint: 'The source decides what is presented and who is trusted.',
  });
}

/** @throws {@link SpiffeError} `ERR_CONFIG_AUTHORIZER` when it is not an authorizer. */
export function checkAuthorizer(authorize: Authorizer | undefined): Authorizer {
  if (
    typeof authorize?.authorize === 'function' &&
    (authorize.trustDomains === 'any' || typeof authorize.trustDomains?.has === 'function')
  ) {
    return authorize;
  }
  throw new SpiffeError('ERR_CONFIG_AUTHORIZER', 'the option authorize must be an authorizer', {
    hint: "Give authorizeId('spiffe://...'), authorizeMemberOf('...') or another authorizer; authorizeAny() admits every verified identity.",
  });
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when it is no TLS version that is allowed. */
export function checkFloor(minVersion: TlsFloor | undefined): TlsFloor {
  const floor = minVersion ?? 'TLSv1.3';
  if (floor === 'TLSv1.3' || floor === 'TLSv1.2') return floor;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `minVersion must be 'TLSv1.3' or 'TLSv1.2', got ${String(floor)}`,
  );
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when it is no whole number of at least `least`. */
export function checkCount(name: string, value: number | undefined, fallback: number, least: number): number {
  const count = value ?? fallback;
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `${name} must be a whole number of at least ${least}, got ${String(value)}`,
  );
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when it is no boolean, or cannot be switched on here. */
export function checkResumption(resumption: unknown, identity: Identity): boolean {
  if (resumption === undefined || resumption === false) return false;
  if (resumption !== true) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'resumption must be true or false');
  }
  // A legacy chain is not remembered, so a resumed session could not be judged again.
  if (!identity.hasLegacy) return true;
  throw new SpiffeError('ERR_CONFIG_OPTION', 'resumption cannot be switched on beside a legacy identity', {
    hint: 'Leave it off until the migration is over.',
  });
}

/** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when it is no deny list. */
export function checkDeny(deny: DenyList | undefined): DenyList | undefined {
  if (deny === undefined) return undefined;
  if (typeof deny.reason === 'function' && typeof deny.onUpdate === 'function') return deny;
  throw new SpiffeError('ERR_CONFIG_OPTION', 'deny must be a deny list', {
    hint: 'Open one with openMountedDenyList(), or make one with staticDenyList().',
  });
}

/** Other runtimes imitate node:tls without its guarantees. */
function checkRuntime(): void {
  const { bun, deno } = process.versions;
  if (bun === undefined && deno === undefined) return;
  throw new SpiffeError('ERR_CONFIG_RUNTIME', 'svidkit serves on Node.js only', {
    hint: 'This runtime cannot replace certificates and authorities of a running server.',
  });
}
