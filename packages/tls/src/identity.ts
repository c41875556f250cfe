import {
  type Clock,
  isSpiffeError,
  type MigrationPolicySource,
  SpiffeError,
  systemClock,
  type X509Context,
  type X509KeyPair,
  type X509Source,
  type X509Svid,
} from '@svidkit/core';

import { type LegacyContext, type LegacyIdentity } from './legacy-identity.ts';

/** Our identity: a source alone, or beside the certificates from before SPIFFE. */
export type IdentityInput = X509Source | { readonly spiffe: X509Source; readonly legacy: LegacyIdentity };

/** How far the way from legacy certificates to SPIFFE has been gone. */
export interface MigrationOptions {
  /**
   * Whether legacy peers are admitted. `strict`: there is no legacy, neither to present nor to believe. `permissive`
   * needs a legacy identity. @default 'strict'
   */
  readonly accept?: 'strict' | 'permissive';
  /**
   * What is presented first while legacy peers are admitted; the other is presented while the first is missing or has
   * expired. Clients that prefer SPIFFE turn to the legacy certificate where the server is a legacy one.
   * @default 'spiffe'
   */
  readonly prefer?: 'spiffe' | 'legacy';
  /**
   * Servers only: verified peers that `authorize` refuses are admitted all the same, and reported (`would-reject`).
   * @default false
   */
  readonly dryRun?: boolean;
  /** A policy that says all three instead and may change at any time, for example a mounted one. */
  readonly policy?: MigrationPolicySource;
}

/** What we show in a handshake. */
export type Credential = X509Svid | X509KeyPair;

/**
 * All that this end is and believes at one moment: one whole snapshot. A connection is judged by one generation, and
 * pools are keyed by the object.
 */
export interface Generation {
  /** Counts the generations of the source; 0: it has nothing to use. */
  readonly number: number;
  readonly spiffe: X509Context | undefined;
  /** Why `spiffe` is missing. */
  readonly failure: unknown;
  /** Undefined where legacy does not exist: none given, or strict. */
  readonly legacy: LegacyContext | undefined;
  readonly mode: 'strict' | 'permissive';
  readonly dryRun: boolean;
  /** What is presented first; undefined: there is nothing to present. */
  readonly presented: Credential | undefined;
  /** Whether decisions are reported as migration decisions. */
  readonly migrating: boolean;
}

/** What peers are judged by: the part of a generation that says whom we believe. */
export type Trust = Omit<Generation, 'spiffe' | 'presented'> & {
  readonly spiffe: Pick<X509Context, 'bundles'> | undefined;
};

/** What a generation is made of: as long as none of it changes, it is the same object. */
interface Parts {
  readonly spiffe: X509Context | undefined;
  readonly legacy: LegacyContext | undefined;
  readonly mode: 'strict' | 'permissive';
  readonly prefer: 'spiffe' | 'legacy';
  readonly dryRun: boolean;
  readonly failureCode: string | undefined;
}

/** Legacy identities with nothing to present: whom to believe is still known. */
const withoutKeyPair = new WeakMap<LegacyContext, LegacyContext>();

/** Makes one identity of source, legacy certificates and policy. */
export class Identity {
  readonly #source: X509Source;
  readonly #legacy: LegacyIdentity | undefined;
  readonly #options: MigrationOptions;
  readonly #clock: Clock;
  #parts: Parts | undefined;
  #generation: Generation | undefined;

  /** @throws {@link SpiffeError} `ERR_CONFIG_OPTION`. */
  constructor(input: IdentityInput, options: MigrationOptions, clock: Clock = systemClock) {
    this.#clock = clock;
    const { spiffe, legacy } = readInput(input);
    this.#source = spiffe;
    this.#legacy = legacy;
    this.#options = checkMigration(options, legacy !== undefined);
  }

  /** Where the SVIDs come from. */
  get source(): X509Source {
    return this.#source;
  }

  /** Whether there is a legacy identity beside the source, admitted now or not. */
  get hasLegacy(): boolean {
    return this.#legacy !== undefined;
  }

  /** Whether the source is closed for good. */
  get closed(): boolean {
    return this.#source.closed.aborted;
  }

  /** The generation of now. Never throws: one that has nothing to present says why. */
  get latest(): Generation {
    let spiffe: X509Context | undefined;
    let failure: unknown;
    try {
      spiffe = this.#source.current;
    } catch (cause) {
      failure = cause;
    }
    const { accept = 'strict', prefer = 'spiffe', dryRun = false, policy } = this.#options;
    // The usual case, asked several times for each connection: nothing but the source can change.
    const isPlain = this.#legacy === undefined && policy === undefined && spiffe !== undefined;
    const known = this.#generation;
    if (isPlain && known !== undefined && known.spiffe === spiffe) return known;
    const decided = policy?.current ?? { mode: accept, prefer, dryRun };
    const legacy = decided.mode === 'permissive' ? this.#legacyNow() : undefined;
    const parts: Parts = {
      spiffe,
      legacy,
      mode: decided.mode,
      prefer: decided.prefer,
      dryRun: decided.dryRun,
      failureCode: isSpiffeError(failure) ? failure.code : undefined,
    };
    if (this.#generation !== undefined && this.#parts !== undefined && isSame(parts, this.#parts)) {
      return this.#generation;
    }
    this.#parts = parts;
    this.#generation = Object.freeze({
      number: spiffe?.generation ?? 0,
      spiffe,
      failure,
      legacy,
      mode: decided.mode,
      dryRun: decided.dryRun,
      presented: presentedOf(parts),
      migrating: this.#legacy !== undefined || policy !== undefined || decided.dryRun,
    });
    return this.#generation;
  }

  /** Without its certificate once that has expired, and once the source is closed: nobody goes on as a legacy peer. */
  #legacyNow(): LegacyContext | undefined {
    const legacy = this.#legacy?.current;
    if (legacy?.keyPair === undefined) return legacy;
    if (!this.closed && this.#clock.now() <= legacy.keyPair.expiresAt) return legacy;
    const known = withoutKeyPair.get(legacy) ?? Object.freeze({ ...legacy, keyPair: undefined });
    withoutKeyPair.set(legacy, known);
    return known;
  }

  /**
   * The generation of now, which has something to present.
   *
   * @throws {@link SpiffeError} what the source says is wrong.
   */
  get current(): Generation & { readonly presented: Credential } {
    const { latest } = this;
    if (hasCredential(latest)) return latest;
    throw latest.failure;
  }

  /**
   * Calls `listener` after each change.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_CLOSED`.
   */
  onUpdate(listener: (generation: Generation) => void): Disposable {
    const told = (): void => listener(this.latest);
    const subscriptions = [
      this.#source.onUpdate(told),
      this.#legacy?.onUpdate(told),
      this.#options.policy?.onUpdate(told),
    ];
    return {
      [Symbol.dispose]: () => {
        for (const subscription of subscriptions) subscription?.[Symbol.dispose]();
      },
    };
  }
}

function hasCredential(
  generation: Generation,
): generation is Generation & { readonly presented: Credential } {
  return generation.presented !== undefined;
}

function presentedOf({ spiffe, legacy, prefer }: Parts): Credential | undefined {
  const keyPair = legacy?.keyPair;
  if (prefer === 'legacy' && keyPair !== undefined) return keyPair;
  return spiffe?.svid ?? keyPair;
}

/** Whether a credential is a legacy one. */
export function isLegacy(credential: Credential): boolean {
  return !('id' in credential);
}

/** How to call what we present, in messages. */
export function nameOf(credential: Credential): string {
  return 'id' in credential
    ? credential.id.toString()
    : `the legacy certificate ${credential.leaf.serialNumber}`;
}

function isSame(one: Parts, other: Parts): boolean {
  return (
    one.spiffe === other.spiffe &&
    one.legacy === other.legacy &&
    one.mode === other.mode &&
    one.prefer === other.prefer &&
    one.dryRun === other.dryRun &&
    one.failureCode === other.failureCode
  );
}

function readInput(input: IdentityInput): { spiffe: X509Source; legacy: LegacyIdentity | undefined } {
  if (typeof input === 'object' && input !== null) {
    if (isSource(input)) return { spiffe: input, legacy: undefined };
    if ('spiffe' in input && 'legacy' in input && isWhole(input)) return input;
  }
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    'the first argument must be an X509Source, or { spiffe, legacy }',
    {
      hint: 'Open a source with openMountedX509Source(); make a legacy identity with legacyIdentity().',
    },
  );
}

function isWhole(input: { readonly spiffe?: X509Source; readonly legacy?: LegacyIdentity }): boolean {
  return isSource(input.spiffe) && typeof input.legacy?.current?.authorities === 'object';
}

function isSource(input: object | undefined): input is X509Source {
  return (
    input !== undefined &&
    'onUpdate' in input &&
    typeof input.onUpdate === 'function' &&
    'closed' in input &&
    typeof input.closed === 'object'
  );
}

function checkMigration(options: MigrationOptions, hasLegacy: boolean): MigrationOptions {
  const { accept, prefer, dryRun, policy } = options;
  if (accept !== undefined && accept !== 'strict' && accept !== 'permissive') {
    throw badOption(`accept must be 'strict' or 'permissive', got ${String(accept)}`);
  }
  if (prefer !== undefined && prefer !== 'spiffe' && prefer !== 'legacy') {
    throw badOption(`prefer must be 'spiffe' or 'legacy', got ${String(prefer)}`);
  }
  if (dryRun !== undefined && typeof dryRun !== 'boolean') {
    throw badOption(`dryRun must be true or false, got ${String(dryRun)}`);
  }
  if (policy !== undefined) {
    if (typeof policy.onUpdate !== 'function' || typeof policy.current?.mode !== 'string') {
      throw badOption('policy must be a MigrationPolicySource');
    }
    for (const [name, value] of Object.entries({ accept, prefer, dryRun })) {
      if (value !== undefined) throw badOption(`${name} cannot be given beside policy, which decides it`);
    }
  }
  if (!hasLegacy && (accept === 'permissive' || prefer === 'legacy')) {
    throw badOption(
      `${accept === 'permissive' ? 'accept' : 'prefer'} needs a legacy identity beside the source`,
    );
  }
  return { ...options };
}

function badOption(problem: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', problem, {
    hint: 'See the guide on migrating from legacy certificates.',
  });
}
