import {
  type BundleSet,
  type Clock,
  isSpiffeError,
  SourceCell,
  type SourceHealth,
  SpiffeError,
  systemClock,
  type X509Context,
  type X509Source,
} from '@svidkit/core';

import { type FederatedBundle } from './federated-bundle.ts';

/** Options of {@link withFederatedBundles}. */
export interface WithFederatedBundlesOptions {
  /** Whether closing it closes the source and the bundles too. @default true */
  readonly closeParts?: boolean;
  /** Where time comes from. Default: this machine. */
  readonly clock?: Clock;
}

/**
 * A source with the identity of another one, that also knows the authorities of federated trust domains: peers of those
 * are verified by the same verifier as all others. It follows both the source and the bundles.
 *
 * Each trust domain stands for itself. For those given here nothing else counts: as long as there is no bundle, or after
 * the end of the federation, nobody of that trust domain is believed, even if the source had a bundle for it. For our own
 * trust domain only the source counts.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` for no bundle at all, and for two of one trust domain.
 */
export function withFederatedBundles(
  source: X509Source,
  bundles: readonly FederatedBundle[],
  options: WithFederatedBundlesOptions = {},
): X509Source {
  const { closeParts = true, clock = systemClock } = options;
  requireParts(source, bundles);
  const union = new Federation(source, [...bundles], clock, () => federated);
  const close = async (): Promise<void> => {
    union.close();
    if (!closeParts) return;
    // All of them are closed even when one fails to.
    const results = await Promise.allSettled([source, ...bundles].map(async (part) => part.close()));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };
  const federated: X509Source = Object.freeze({
    get current() {
      return union.current;
    },
    closed: union.cell.closed,
    onUpdate: (listener: (context: X509Context | undefined) => void) => union.cell.onUpdate(listener),
    health: () => union.health(),
    close,
    [Symbol.asyncDispose]: close,
  });
  union.follow();
  return federated;
}

class Federation {
  readonly cell: SourceCell;
  readonly #source: X509Source;
  readonly #bundles: readonly FederatedBundle[];
  readonly #subscriptions: Disposable[] = [];
  /** What the context in use was made of. */
  #used: X509Context | undefined;

  constructor(source: X509Source, bundles: readonly FederatedBundle[], clock: Clock, self: () => X509Source) {
    this.#source = source;
    this.#bundles = bundles;
    this.cell = new SourceCell({ source: self, clock });
  }

  follow(): void {
    const take = (): void => this.#take();
    if (!this.#source.closed.aborted) this.#subscriptions.push(this.#source.onUpdate(take));
    for (const bundle of this.#bundles) this.#subscriptions.push(bundle.onUpdate(take));
    take();
  }

  get current(): X509Context {
    this.#take();
    return this.cell.current;
  }

  health(): SourceHealth {
    this.#take();
    const health = this.#source.health();
    const own = ownName(this.#used);
    const problems = this.#bundles.flatMap((bundle) => {
      const { trustDomain, current } = bundle;
      if (trustDomain.name === own) {
        return [`the bundle of ${own} comes from the source alone: it is our own trust domain`];
      }
      const missing = current === undefined ? [`there is no bundle of ${trustDomain.name}`] : [];
      return [...missing, ...bundle.health().problems];
    });
    return Object.freeze({
      ...health,
      generation: this.cell.latest?.generation ?? 0,
      problems: Object.freeze([...health.problems, ...problems]),
    });
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    this.cell.close();
    this.#used = undefined;
  }

  /** Makes what the parts say now the current context, if it is another one. */
  #take(): void {
    if (this.cell.closed.aborted) return;
    let context: X509Context;
    try {
      context = this.#source.current;
    } catch (cause) {
      this.#used = undefined;
      this.cell.withdraw(asFailure(cause), 'the source has nothing to use');
      return;
    }
    const latest = this.cell.latest;
    const bundles = this.#join(context);
    if (latest !== undefined && this.#used === context && latest.bundles.equals(bundles)) return;
    const reason = this.#used === context ? 'federated bundle' : 'update of the source';
    // Set before the listeners are told, because they read `current`.
    this.#used = context;
    this.cell.publish({ svid: context.svid, bundles }, reason);
  }

  #join(context: X509Context): BundleSet {
    let { bundles } = context;
    for (const { trustDomain, current } of this.#bundles) {
      if (trustDomain.name === ownName(context)) continue;
      bundles = current === undefined ? bundles.without(trustDomain) : bundles.with(current.x509);
    }
    return bundles;
  }
}

function ownName(context: X509Context | undefined): string | undefined {
  return context?.svid.id.trustDomain.name;
}

function asFailure(cause: unknown): SpiffeError {
  if (isSpiffeError(cause)) return cause;
  return new SpiffeError('ERR_SOURCE_EMPTY', 'the source has nothing to use', { cause });
}

function requireParts(source: X509Source, bundles: readonly FederatedBundle[]): void {
  const given: { readonly onUpdate?: unknown } | null = source;
  if (typeof given?.onUpdate !== 'function') throw badParts('an X509Source as its first argument');
  const list: unknown = bundles;
  if (!Array.isArray(list) || list.length === 0) throw badParts('a list of federated bundles');
  const names = new Set<string>();
  for (const bundle of bundles) {
    const one: Partial<FederatedBundle> | undefined = bundle;
    if (typeof one?.refresh !== 'function') throw badParts('what watchBundle gives');
    const { name } = bundle.trustDomain;
    if (names.has(name)) throw badParts(`one bundle for ${name}`);
    names.add(name);
  }
}

function badParts(wanted: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `withFederatedBundles wants ${wanted}`);
}
