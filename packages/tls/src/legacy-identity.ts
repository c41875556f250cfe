import {
  type Certificate,
  firstReasons,
  SpiffeError,
  TrustDomain,
  X509Bundle,
  X509KeyPair,
} from '@svidkit/core';

import { ownContext } from './context-options.ts';

/** A host name, or `*.` and one. */
const DNS_PATTERN = /^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i;
const PLAIN = /^[a-z0-9*_-][a-z0-9*_. -]{0,252}$/i;
/** Legacy authorities are of no trust domain: this one is never in a set of bundles. */
const NO_TRUST_DOMAIN = TrustDomain.parse('legacy');

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
  /**
   * Whom we believe about legacy certificates: at least one CA certificate. What may not sign certificates is left out.
   * Public roots are never added.
   */
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
  /** Why some of the authorities given were left out, one sentence each. */
  readonly skipped: readonly string[];
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
      for (const listener of listeners) tell(listener);
    },
  });
}

/**
 * Matches legacy certificates by a DNS name among their alternative names, without regard to case.
 *
 * @param names - exact names, or `*.domain` for one label below it.
 */
export function legacyDnsName(...names: readonly [string, ...string[]]): LegacyMatcher {
  const wanted = checkNames('legacyDnsName', names, DNS_PATTERN).map((name) => name.toLowerCase());
  return Object.freeze({
    description: `a legacy certificate with the DNS name ${names.join(' or ')}`,
    matches: ({ dnsNames }: Certificate) =>
      dnsNames.some((name) => wanted.some((pattern) => isUnder(name.toLowerCase(), pattern))),
  });
}

/** Matches legacy certificates by the one common name of their subject, exactly. */
export function legacyCommonName(...names: readonly [string, ...string[]]): LegacyMatcher {
  const wanted = new Set(checkNames('legacyCommonName', names, /./s));
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
    matches: (certificate: Certificate) =>
      matchers.some((matcher) => {
        // A promise is not a yes.
        const answer: unknown = matcher.matches(certificate);
        return answer === true;
      }),
  });
}

/**
 * How to call a legacy peer in messages and events. Whoever issued its certificate chose the names in it: what is not
 * plainly a host or a word is quoted, so that it can be taken neither for a SPIFFE ID nor for a line of a log.
 */
export function legacyName({ commonName, dnsNames, serialNumber }: Certificate): string {
  const [dnsName] = dnsNames;
  if (dnsName !== undefined && PLAIN.test(dnsName)) return dnsName;
  if (commonName === undefined) return `serial ${serialNumber}`;
  return PLAIN.test(commonName) ? commonName : `CN=${quoted(commonName)}`;
}

function quoted(text: string): string {
  const shown = text.length > 64 ? `${text.slice(0, 64)}...` : text;
  return JSON.stringify(shown).replaceAll(
    /[^ -~]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** One that throws is isolated, as with every source: it must not keep the others from the news. */
function tell(listener: () => void): void {
  try {
    listener();
  } catch (cause) {
    const warning = new Error(`a listener of a legacy identity threw: ${String(cause)}`, { cause });
    warning.name = 'SvidkitListenerWarning';
    process.emitWarning(warning);
  }
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
  const bundle = readAuthorities(authorities);
  return Object.freeze({
    keyPair:
      certificates === undefined || privateKey === undefined
        ? undefined
        : proven(X509KeyPair.fromPem({ certificates, privateKey })),
    authorities: bundle.authorities,
    skipped: bundle.skipped,
    clients,
  });
}

/** Shows that TLS takes it, before it replaces one that works. */
function proven(keyPair: X509KeyPair): X509KeyPair {
  try {
    ownContext(keyPair, 'TLSv1.2');
    return keyPair;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new SpiffeError(
      'ERR_SVID_CERTIFICATE_INVALID',
      `want a legacy certificate that TLS takes, got a refusal (${code})`,
      { cause, hint: 'Check its key type and size, and the algorithm of its signature.' },
    );
  }
}

function readAuthorities(pem: string | Uint8Array): X509Bundle {
  const bundle = X509Bundle.fromPem(NO_TRUST_DOMAIN, pem);
  if (!bundle.isEmpty) return bundle;
  const why = bundle.skipped.length === 0 ? '' : `: ${firstReasons(bundle.skipped)}`;
  throw new SpiffeError('ERR_BUNDLE_EMPTY', `the legacy authorities are empty${why}`, {
    blame: 'environment',
  });
}

function checkNames(what: string, names: readonly string[], wanted: RegExp): readonly string[] {
  if (names.length > 0 && names.every((name) => typeof name === 'string' && wanted.test(name))) return names;
  throw new SpiffeError('ERR_CONFIG_OPTION', `${what} wants names, got none or one that is none`);
}

function checkMatcher(matcher: LegacyMatcher): void {
  const given: { readonly matches?: unknown } | undefined = matcher;
  if (typeof given?.matches === 'function') return;
  throw new SpiffeError('ERR_CONFIG_OPTION', 'clients of a legacy identity wants a matcher', {
    hint: "Give legacyDnsName('...'), legacyCommonName('...') or legacyAnyOf(...).",
  });
}
