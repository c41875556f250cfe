import {
  Listeners,
  publish,
  type SpiffeBundle,
  SpiffeError,
  type Timer,
  type X509Bundle,
} from '@svidkit/core';

import { asSpiffeError } from '../judge.ts';
import { checkCount } from '../server-options.ts';
import { type BundleEndpoint, parseEndpoint, type ParsedEndpoint } from './bundle-endpoint.ts';
import { type BundleStore } from './bundle-store.ts';
import { type FederatedBundle, type FederatedBundleHealth } from './federated-bundle.ts';
import { type FetchBundleOptions, parseLimits, publishFetch, retrieve } from './fetch-bundle.ts';
import { type FetchLimits } from './fetch-document.ts';
import { StoredCopy } from './stored-copy.ts';

/** How the bundle of another trust domain is followed. */
export interface WatchBundleOptions extends FetchBundleOptions {
  /** Where the latest bundle outlives the process, for example a `fileBundleStore`. Default: nowhere. */
  readonly store?: BundleStore;
  /** Milliseconds between two fetches where the bundle gives no hint. @default 300000 */
  readonly refreshMs?: number;
  /** The least milliseconds between two fetches, whatever the hint. @default 60000 */
  readonly minRefreshMs?: number;
  /** The most milliseconds between two fetches, whatever the hint. @default 86400000 */
  readonly maxRefreshMs?: number;
  /**
   * Milliseconds after the endpoint last confirmed it at which a bundle is forgotten. Default: never; a trust domain
   * that cannot be asked is believed as before.
   */
  readonly maxStaleMs?: number;
}

interface Schedule {
  readonly refreshMs: number;
  readonly minRefreshMs: number;
  readonly maxRefreshMs: number;
  readonly maxStaleMs: number;
}

/**
 * Follows the bundle of another trust domain. Resolves when there is a bundle, stored or fetched, or when the first
 * fetch has failed: a trust domain that cannot be asked is no reason not to start. `health()` says why; `refresh()` is
 * for those who want to know at once.
 *
 * A bundle that cannot be fetched, or is older than the one in use, changes nothing. After a failure the endpoint is
 * asked again at its next interval. It does not keep the process alive.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_*`; the reason of `signal`, which ends the waiting.
 */
export async function watchBundle(
  endpoint: BundleEndpoint,
  options: WatchBundleOptions & { readonly signal?: AbortSignal } = {},
): Promise<FederatedBundle> {
  const { signal } = options;
  signal?.throwIfAborted();
  const watch = new BundleWatch(
    parseEndpoint(endpoint),
    parseLimits(options),
    parseSchedule(options),
    options.store,
  );
  const onAbort = (): void => void watch.close();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await watch.begin();
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  return watch;
}

function parseSchedule(options: WatchBundleOptions): Schedule {
  const minRefreshMs = checkCount('minRefreshMs', options.minRefreshMs, 60_000, 1);
  const maxRefreshMs = checkCount('maxRefreshMs', options.maxRefreshMs, 86_400_000, minRefreshMs);
  const { maxStaleMs = Infinity } = options;
  return {
    refreshMs: checkCount('refreshMs', options.refreshMs, 300_000, 1),
    minRefreshMs,
    maxRefreshMs,
    maxStaleMs: maxStaleMs === Infinity ? maxStaleMs : checkCount('maxStaleMs', maxStaleMs, 1, 1),
  };
}

class BundleWatch implements FederatedBundle {
  readonly closed: AbortSignal;
  readonly #closing = new AbortController();
  readonly #endpoint: ParsedEndpoint;
  readonly #limits: FetchLimits;
  readonly #schedule: Schedule;
  readonly #copy: StoredCopy;
  readonly #listeners = new Listeners<SpiffeBundle | undefined>('a federated bundle');
  /** The latest good one, which later ones are measured by and endpoints are known by, in use or not. */
  #latest: SpiffeBundle | undefined;
  #isInUse = false;
  #confirmedAt: number | undefined;
  #lastError: SpiffeError | undefined;
  #fetching: Promise<SpiffeBundle> | undefined;
  #timer: { readonly timer: Timer; readonly at: number } | undefined;
  #staleTimer: Timer | undefined;

  constructor(
    endpoint: ParsedEndpoint,
    limits: FetchLimits,
    schedule: Schedule,
    store: BundleStore | undefined,
  ) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#schedule = schedule;
    this.#copy = new StoredCopy(store, endpoint.trustDomain);
    this.closed = this.#closing.signal;
  }

  async begin(): Promise<void> {
    const stored = await this.#copy.load();
    if (this.closed.aborted) return;
    if (this.#copy.problem !== undefined) this.#report(this.#copy.problem);
    if (stored !== undefined)
      this.#confirm(stored.bundle, Math.min(stored.savedAt, this.#limits.clock.now()));
    const first = this.refresh().catch(() => {});
    if (this.current === undefined) await first;
  }

  get trustDomain(): FederatedBundle['trustDomain'] {
    return this.#endpoint.trustDomain;
  }

  get current(): SpiffeBundle | undefined {
    // Timers can be late, above all after the machine slept.
    if (this.#isInUse && this.#limits.clock.now() >= this.#staleAt()) this.#putAway();
    return this.#isInUse ? this.#latest : undefined;
  }

  onUpdate(listener: (bundle: SpiffeBundle | undefined) => void): Disposable {
    return this.#listeners.add(listener);
  }

  health(): FederatedBundleHealth {
    const problems = [this.#lastError, this.#copy.problem].filter((error) => error !== undefined);
    return Object.freeze({
      confirmedAt: this.#confirmedAt,
      nextFetchAt: this.#timer?.at,
      lastError: this.#lastError,
      problems: Object.freeze(problems.map(({ message }) => message)),
    });
  }

  async refresh(): Promise<SpiffeBundle> {
    this.closed.throwIfAborted();
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
      this.#arm();
    });
    return this.#fetching;
  }

  async terminate(): Promise<void> {
    await this.close();
    await this.#copy.remove();
  }

  async close(): Promise<void> {
    if (!this.closed.aborted) {
      this.#closing.abort(new SpiffeError('ERR_SOURCE_CLOSED', 'the federated bundle is closed'));
      this.#timer?.timer.clear();
      this.#timer = undefined;
      this.#putAway();
    }
    await this.#copy.settled();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #fetch(): Promise<SpiffeBundle> {
    this.#timer?.timer.clear();
    this.#timer = undefined;
    const { clock } = this.#limits;
    const startedAt = clock.now();
    try {
      const fetched = await retrieve(this.#endpoint, this.#authority(), this.#limits, this.closed);
      this.closed.throwIfAborted();
      const { outcome, error } = compare(this.#latest, fetched);
      this.#lastError = error;
      publishFetch(this.#endpoint, this.#limits, startedAt, { outcome, error, sequence: fetched.sequence });
      if (outcome === 'older') throw error ?? new Error(outcome);
      this.#confirm(fetched, clock.now());
      await this.#copy.save(fetched);
      if (this.#copy.problem !== undefined) this.#report(this.#copy.problem);
      return fetched;
    } catch (cause) {
      this.closed.throwIfAborted();
      const error = asSpiffeError(cause);
      if (this.#lastError !== error) {
        this.#lastError = error;
        publishFetch(this.#endpoint, this.#limits, startedAt, { outcome: 'failed', error });
      }
      throw error;
    }
  }

  /**
   * Who the endpoint is known by. One that serves its own bundle is known by the latest one (Federation 5.2.2.4); a
   * configured one counts again only where it is newer by its sequence number. Of any other the fetched bundle says
   * nothing.
   */
  #authority(): SpiffeBundle | X509Bundle | undefined {
    const { spiffe } = this.#endpoint;
    const configured = spiffe?.configured();
    const latest = this.#latest;
    if (spiffe?.isSelfServing !== true || latest === undefined) return configured;
    const number = configured !== undefined && 'sequence' in configured ? configured.sequence : undefined;
    return number !== undefined && latest.sequence !== undefined && number > latest.sequence
      ? configured
      : latest;
  }

  /** Puts a bundle to use that was good at `at`. */
  #confirm(bundle: SpiffeBundle, at: number): void {
    const before = this.current;
    this.#latest = bundle;
    this.#confirmedAt = at;
    this.#isInUse = true;
    this.#armStale();
    if (before === undefined || !haveSameAuthorities(before, bundle)) this.#listeners.tell(this.current);
  }

  #putAway(): void {
    this.#staleTimer?.clear();
    this.#staleTimer = undefined;
    if (!this.#isInUse) return;
    this.#isInUse = false;
    this.#listeners.tell(undefined);
  }

  #staleAt(): number {
    return (this.#confirmedAt ?? 0) + this.#schedule.maxStaleMs;
  }

  #armStale(): void {
    this.#staleTimer?.clear();
    this.#staleTimer = undefined;
    const at = this.#staleAt();
    if (at === Infinity) return;
    const { clock } = this.#limits;
    this.#staleTimer = clock.setTimer(() => {
      // The clock of this machine may have been set back meanwhile.
      if (this.current !== undefined) this.#armStale();
    }, at - clock.now());
    this.#staleTimer.unref();
  }

  #arm(): void {
    if (this.closed.aborted) return;
    const { clock } = this.#limits;
    const delayMs = this.#delayMs();
    const timer = clock.setTimer(() => void this.refresh().catch(() => {}), delayMs);
    timer.unref();
    this.#timer = { timer, at: clock.now() + delayMs };
  }

  /** Federation 4.1: as the bundle hints, else five minutes; never in a hurry, never forgotten. */
  #delayMs(): number {
    const { refreshMs, minRefreshMs, maxRefreshMs } = this.#schedule;
    const hint = this.#latest?.refreshHint;
    return Math.min(Math.max(hint === undefined ? refreshMs : hint * 1000, minRefreshMs), maxRefreshMs);
  }

  #report(error: SpiffeError): void {
    publish('svidkit:source.error', () => ({ source: undefined, error }));
  }
}

function haveSameAuthorities(one: SpiffeBundle, other: SpiffeBundle): boolean {
  return one.x509.equals(other.x509) && one.jwt.equals(other.jwt);
}

/** Federation 4.2: by sequence number, and without one the latest is the newest. */
function compare(
  held: SpiffeBundle | undefined,
  fetched: SpiffeBundle,
): { readonly outcome: 'fetched' | 'unchanged' | 'older'; readonly error?: SpiffeError } {
  if (held === undefined) return { outcome: 'fetched' };
  const isSame = haveSameAuthorities(held, fetched);
  const name = held.trustDomain.name;
  if (held.sequence !== undefined && fetched.sequence !== undefined) {
    if (fetched.sequence < held.sequence) {
      const problem = `want a bundle of ${name} with at least the sequence number ${held.sequence}, got ${fetched.sequence}`;
      return { outcome: 'older', error: new SpiffeError('ERR_FEDERATION_SEQUENCE', problem) };
    }
    if (fetched.sequence === held.sequence && !isSame) {
      const problem = `the bundle of ${name} changed without its sequence number ${held.sequence}; it is taken`;
      return { outcome: 'fetched', error: new SpiffeError('ERR_FEDERATION_SEQUENCE', problem) };
    }
  }
  return { outcome: isSame ? 'unchanged' : 'fetched' };
}
