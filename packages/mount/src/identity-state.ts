import { type BundleSet, SpiffeError, type SpiffeId, verifyX509Svid, type X509Svid } from '@svidkit/core';

import {
  beginsAt,
  isAhead,
  isRegression,
  notYetValid,
  requireIdentity,
  requireUnexpired,
} from './identity-policy.ts';
import { type MountSettings } from './mount-options.ts';

/** Why an identity came into use; the reason of the update that tells it. */
export type AcceptReason = 'first load' | 'rotation' | 'identity changed' | 'regression' | 'fallback';

/** What is to be done with an identity that was read. */
export type Verdict =
  /** It is the one in use. */
  | { readonly kind: 'same' }
  /** It is good, as far as it alone can tell. */
  | { readonly kind: 'accept'; readonly reason: AcceptReason }
  /** It has to wait. */
  | {
      readonly kind: 'wait';
      readonly for: 'time' | 'bundle';
      readonly until: number;
      readonly error: SpiffeError;
    }
  /** It is not to be used. */
  | { readonly kind: 'reject'; readonly error: SpiffeError };

interface Waiting {
  readonly svid: X509Svid;
  /** For its time, or for the bundle. */
  readonly for: 'time' | 'bundle';
  readonly since: number;
  readonly until: number;
}

const LONGEST_DEFERRAL_MS = 10 * 60_000;
/** How long before its end an SVID gives way to the fallback, so that no moment is without one. */
const LONGEST_LEAD_MS = 1_000;

/**
 * The identity in use and those that could be: the previous one, if it outlasts the one in use, and the one that
 * waits for its time or for its bundle.
 */
export class IdentityState {
  readonly #settings: MountSettings;
  #current: X509Svid | undefined;
  #fallback: X509Svid | undefined;
  /** What was left for the fallback; reading it again must not bring it back. */
  #left: X509Svid | undefined;
  #waiting: Waiting | undefined;

  constructor(settings: MountSettings) {
    this.#settings = settings;
  }

  /** The ID that was used last, also when it has expired. */
  get id(): SpiffeId | undefined {
    return this.#current?.id;
  }

  /** Whether the identity in use is an older one, because the newer one ended first. */
  get isFallback(): boolean {
    return this.#left !== undefined;
  }

  /** The one in use when it is equal to `svid`, so that what is known about it is kept. */
  known(svid: X509Svid): X509Svid {
    return this.#current !== undefined && isSame(svid, this.#current) ? this.#current : svid;
  }

  /** Judges an SVID by itself. Changes nothing. */
  judge(next: X509Svid, now: number, file: string): Verdict {
    const current = this.#current;
    try {
      requireUnexpired(next, now, file);
      if (current !== undefined && isSame(next, current)) return { kind: 'same' };
      requireIdentity(next, current?.id, this.#settings, file);
    } catch (error) {
      if (error instanceof SpiffeError) return { kind: 'reject', error };
      throw error;
    }
    if (this.#left !== undefined && isSame(next, this.#left)) {
      return { kind: 'reject', error: endsSooner(next, file) };
    }
    // Once it waits, it waits for its very first instant, and not for the tolerance before it.
    const isHeld = this.#waits(next, 'time') !== undefined && now < beginsAt(next) && isUsable(current, now);
    if (isAhead(next, now) || isHeld) {
      return { kind: 'wait', for: 'time', until: beginsAt(next), error: notYetValid(next, now, file) };
    }
    return { kind: 'accept', reason: this.#reasonFor(next) };
  }

  /**
   * Judges an SVID that {@link judge} accepts by the bundles: with `deferUntilTrusted`, one that they do not vouch
   * for waits for them, while there is another one to use.
   */
  judgeTrust(next: X509Svid, verdict: Verdict, bundles: BundleSet, now: number): Verdict {
    const current = this.#current;
    if (verdict.kind !== 'accept' || !this.#settings.deferUntilTrusted) return verdict;
    if (current === undefined || !isUsable(current, now)) return verdict;
    const error = distrust(next, bundles, now);
    if (error === undefined) return verdict;
    const waiting = this.#waits(next, 'bundle');
    // A clock that was set back would make it wait for too long.
    const isGoingOn = waiting !== undefined && waiting.since <= now;
    const until = isGoingOn
      ? waiting.until
      : now + Math.min(LONGEST_DEFERRAL_MS, (current.expiresAt - now) / 2);
    return now < until ? { kind: 'wait', for: 'bundle', until, error } : verdict;
  }

  /** Makes `next` wait as `verdict` says, in place of what may have waited before. */
  wait(next: X509Svid, verdict: Verdict & { readonly kind: 'wait' }, now: number): void {
    if (this.#waits(next, verdict.for)?.until === verdict.until) return;
    this.#waiting = { svid: next, for: verdict.for, since: now, until: verdict.until };
  }

  /** Puts `next` into use. The previous one stays at hand when it is good for longer. */
  accept(next: X509Svid, now: number): void {
    const candidates = [this.#fallback, this.#current].filter(
      (one) => one?.id.equals(next.id) === true && one.expiresAt > next.expiresAt && isUsable(one, now),
    );
    this.#fallback = candidates.reduce(later, undefined);
    this.#left = undefined;
    this.#waiting = undefined;
    this.#current = next;
  }

  /** Nothing waits any more: what was read is in use. */
  settle(): void {
    this.#waiting = undefined;
  }

  /** When the fallback is due, in milliseconds since the Unix epoch; undefined when there is none. */
  get fallbackAt(): number | undefined {
    if (this.#fallback === undefined || this.#current === undefined) return undefined;
    const { notBefore, expiresAt } = this.#current;
    return expiresAt - Math.min(LONGEST_LEAD_MS, (expiresAt - notBefore) / 10);
  }

  /** Puts the fallback into use if it is due; undefined if it is not, or is of no use itself. */
  fallBack(now: number): X509Svid | undefined {
    const due = this.fallbackAt;
    const fallback = this.#fallback;
    if (due === undefined || now < due || fallback === undefined) return undefined;
    this.#fallback = undefined;
    if (!isUsable(fallback, now)) return undefined;
    this.#left = this.#current;
    this.#current = fallback;
    return fallback;
  }

  #waits(svid: X509Svid, reason: Waiting['for']): Waiting | undefined {
    const waiting = this.#waiting;
    return waiting?.for === reason && isSame(svid, waiting.svid) ? waiting : undefined;
  }

  #reasonFor(next: X509Svid): AcceptReason {
    if (this.#current === undefined) return 'first load';
    if (!this.#current.id.equals(next.id)) return 'identity changed';
    return isRegression(next, this.#current) ? 'regression' : 'rotation';
  }
}

/** Why `bundles` do not vouch for `svid`; undefined when they do. */
export function distrust(svid: X509Svid, bundles: BundleSet, now: number): SpiffeError | undefined {
  // One that has just begun by the clock of its issuer begins for us.
  const at = Math.max(now, beginsAt(svid));
  const chain = svid.certificates.map(({ der }) => der);
  const [asServer, asClient] = (['server', 'client'] as const).map((role) =>
    failureOf(() => verifyX509Svid(chain, bundles, { at, role })),
  );
  return asClient === undefined ? undefined : asServer;
}

function failureOf(verify: () => unknown): SpiffeError | undefined {
  try {
    verify();
    return undefined;
  } catch (error) {
    if (error instanceof SpiffeError) return error;
    throw error;
  }
}

/** Whether both are the same chain. The key need not be compared: each belongs to its leaf. */
function isSame(a: X509Svid, b: X509Svid): boolean {
  return (
    a.certificates.length === b.certificates.length &&
    a.certificates.every(({ der }, index) => {
      const other = b.certificates[index]?.der;
      return other !== undefined && Buffer.compare(der, other) === 0;
    })
  );
}

function isUsable(svid: X509Svid | undefined, now: number): boolean {
  return svid !== undefined && now <= svid.expiresAt;
}

function later(best: X509Svid | undefined, one: X509Svid | undefined): X509Svid | undefined {
  return best === undefined || (one !== undefined && one.expiresAt > best.expiresAt) ? one : best;
}

function endsSooner(svid: X509Svid, file: string): SpiffeError {
  const at = new Date(svid.expiresAt).toISOString();
  return new SpiffeError(
    'ERR_SVID_EXPIRED',
    `want a newer SVID in ${file}, got the one that ends at ${at}, before the previous one`,
    { hint: 'The previous one is in use. Find out why the writer put an older SVID back.', file },
  );
}
