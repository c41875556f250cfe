import { Certificate, parsePem, SpiffeError, X509KeyPair } from '@svidkit/core';

/** Decides by the names in a legacy certificate whether its holder is let in. The chain has been verified. */
export interface LegacyMatcher {
  /** Who is let in, as a phrase that follows "want". */
  readonly description: string;
  /** Whether the holder of `certificate` is let in. Synchronous; a throw is a refusal. */
  matches(certificate: Certificate): boolean;
}

/** What {@link legacyIdentity} takes. Texts are PEM. */
export interface LegacyIdentityOptions {
  /** What we present where SPIFFE is not understood: leaf and intermediates. Default: nothing. */
  readonly certificates?: string | Uint8Array;
  /** The key of the leaf. Needed with `certificates`. */
  readonly privateKey?: string | Uint8Array;
  /** Whom we believe about legacy certificates: at least one CA certificate. Public roots are never added. */
  readonly authorities: string | Uint8Array;
  /**
   * Which legacy clients a server lets in, by the names in their certificates. Default: none. Servers need none: their
   * certificate has to be valid for the host that was dialled.
   */
  readonly clients?: LegacyMatcher;
}

/** One whole legacy identity. Frozen. */
export interface LegacyContext {
  readonly keyPair: X509KeyPair | undefined;
  readonly authorities: readonly Certificate[];
  readonly clients: LegacyMatcher | undefined;
}

/** Where a legacy identity comes from. */
export interface LegacyIdentity {
  readonly current: LegacyContext;
  /** Calls `listener` synchronously after each change. Dispose to stop. */
  onUpdate(listener: () => void): Disposable;
}

/**
 * The certificates from before SPIFFE, for the time in which both exist. Give it beside the source:
 * `{ spiffe: source, legacy: legacyIdentity({ ... }) }`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_PEM_INVALID`, `ERR_SVID_*`, `ERR_BUNDLE_INVALID`, `ERR_BUNDLE_EMPTY`.
 */
export function legacyIdentity(
  options: LegacyIdentityOptions,
): LegacyIdentity & { update(options: LegacyIdentityOptions): void } {
  const listeners = new Set<() => void>();
  let current = readLegacy(options);
  return Object.freeze({
    get current() {
      return current;
    },
    onUpdate(listener: () => void): Disposable {
      // A wrapper, so that one function can listen twice.
      const own = (): void => listener();
      listeners.add(own);
      return { [Symbol.dispose]: () => void listeners.delete(own) };
    },
    /** Replaces all of it, or nothing when it throws. */
    update(next: LegacyIdentityOptions) {
      current = readLegacy(next);
      for (const listener of listeners) listener();
    },
  });
}

/**
 * Matches legacy certificates by a DNS name among their alternative names, without regard to case.
 *
 * @param names - exact names, or `*.domain` for one label below it.
 */
export function legacyDnsName(...names: readonly [string, ...string[]]): LegacyMatcher {
  const wanted = checkNames('legacyDnsName', names).map((name) => name.toLowerCase());
  return Object.freeze({
    description: `a legacy certificate with the DNS name ${names.join(' or ')}`,
    matches: ({ dnsNames }: Certificate) =>
      dnsNames.some((name) => wanted.some((pattern) => isUnder(name.toLowerCase(), pattern))),
  });
}

/** Matches legacy certificates by the one common name of their subject, exactly. */
export function legacyCommonName(...names: readonly [string, ...string[]]): LegacyMatcher {
  const wanted = new Set(checkNames('legacyCommonName', names));
  return Object.freeze({
    description: `a legacy certificate with the common name ${names.join(' or ')}`,
    matches: ({ commonName }: Certificate) => commonName !== undefined && wanted.has(commonName),
  });
}

/** Matches when one of `matchers` does. */
export function legacyAnyOf(...matchers: readonly [LegacyMatcher, ...LegacyMatcher[]]): LegacyMatcher {
  for (const matcher of matchers) checkMatcher(matcher);
  return Object.freeze({
    description: matchers.map(({ description }) => description).join(', or '),
    matches: (certificate: Certificate) => matchers.some((matcher) => matcher.matches(certificate)),
  });
}

/** How to call a legacy peer in messages and events. */
export function legacyName(certificate: Certificate): string {
  const { commonName, dnsNames, serialNumber } = certificate;
  return dnsNames[0] ?? commonName ?? `serial ${serialNumber}`;
}

function isUnder(name: string, pattern: string): boolean {
  if (!pattern.startsWith('*.')) return name === pattern;
  const dot = name.indexOf('.');
  return dot > 0 && !name.startsWith('*') && name.slice(dot) === pattern.slice(1);
}

function readLegacy(options: LegacyIdentityOptions): LegacyContext {
  const { certificates, privateKey, authorities, clients } = options;
  if ((certificates === undefined) !== (privateKey === undefined)) {
    const missing = certificates === undefined ? 'certificates' : 'privateKey';
    throw new SpiffeError(
      'ERR_CONFIG_OPTION',
      `the legacy identity wants certificates and privateKey, ${missing} is missing`,
    );
  }
  if (clients !== undefined) checkMatcher(clients);
  return Object.freeze({
    keyPair:
      certificates === undefined || privateKey === undefined
        ? undefined
        : X509KeyPair.fromPem({ certificates, privateKey }),
    authorities: readAuthorities(authorities),
    clients,
  });
}

function readAuthorities(pem: string | Uint8Array): readonly Certificate[] {
  const blocks = parsePem(pem, {});
  if (blocks.length === 0) throw new SpiffeError('ERR_BUNDLE_EMPTY', 'the legacy authorities are empty');
  return Object.freeze(
    blocks.map(({ label, der }, index) => {
      if (label !== 'CERTIFICATE') {
        throw new SpiffeError(
          'ERR_BUNDLE_INVALID',
          `the legacy authorities: block ${index + 1} is no CERTIFICATE`,
        );
      }
      return Certificate.parse(der);
    }),
  );
}

function checkNames(what: string, names: readonly string[]): readonly string[] {
  if (names.length > 0 && names.every((name) => typeof name === 'string' && name !== '' && name !== '*.'))
    return names;
  throw new SpiffeError('ERR_CONFIG_OPTION', `${what} wants names, got none or an empty one`);
}

function checkMatcher(matcher: LegacyMatcher): void {
  const given: { readonly matches?: unknown } | undefined = matcher;
  if (typeof given?.matches === 'function') return;
  throw new SpiffeError('ERR_CONFIG_OPTION', 'clients of a legacy identity wants a matcher', {
    hint: "Give legacyDnsName('...'), legacyCommonName('...') or legacyAnyOf(...).",
  });
}
