import {
  type HealthStatus,
  type HealthTimes,
  healthTimes,
  nextHealthTime,
  type SourceCell,
  type SpiffeError,
  statusAt,
  type X509Svid,
} from '@svidkit/core';

import { asSpiffeError } from './as-spiffe-error.ts';
import { BundleState } from './bundle-state.ts';
import { dryRun } from './dry-run.ts';
import { IdentityState } from './identity-state.ts';
import { type Look } from './look.ts';
import { type MountSettings } from './mount-options.ts';

/** What came of taking a look in. */
export interface Taken {
  /** What stands in the way of the files, the most important first. */
  readonly errors: readonly SpiffeError[];
  /** What is odd but no obstacle. */
  readonly warnings: readonly SpiffeError[];
  /** When to read again although nothing has changed, in milliseconds since the Unix epoch. Infinity: never. */
  readonly readAt: number;
  /** Whether there is an identity with a bundle of its own trust domain. */
  readonly isInUse: boolean;
}

/** What is to be done with the identity of a look: nothing, or one of these. */
interface Judgement {
  readonly accepted?: { readonly svid: X509Svid; readonly reason: string };
  readonly error?: SpiffeError;
  /** When to read it again. */
  readonly readAt?: number;
}

/** Decides what of a look comes into use, puts it there, and keeps what cannot be used away from it. */
export class Intake {
  /** The identity in use, and those that could be. */
  readonly identities: IdentityState;
  readonly #settings: MountSettings;
  readonly #cell: SourceCell;
  readonly #onPublish: () => void;
  readonly #bundles = new BundleState();
  #times: HealthTimes | undefined;

  /** @param onPublish - called before something new comes into use. */
  constructor(settings: MountSettings, cell: SourceCell, onPublish: () => void) {
    this.#settings = settings;
    this.#cell = cell;
    this.#onPublish = onPublish;
    this.identities = new IdentityState(settings);
  }

  /** How what is in use fares at `now`. */
  status(now: number): HealthStatus {
    if (this.#cell.latest === undefined || this.#times === undefined) return 'expired';
    return statusAt(this.#times, now);
  }

  /** When {@link status} changes next; undefined when it does not. */
  nextStatusAt(now: number): number | undefined {
    return this.#times === undefined ? undefined : nextHealthTime(this.#times, now);
  }

  /**
   * Takes in what was read. Everything from here to the publication happens at once.
   *
   * @param noticedAt - when the change was noticed; as `now`, in milliseconds since the Unix epoch.
   */
  take(seen: Look, now: number, noticedAt: number): Taken {
    const { clock, strictPermissions } = this.#settings;
    const errors: SpiffeError[] = seen.error === undefined ? [] : [seen.error];
    const warnings: SpiffeError[] = strictPermissions ? [] : [...seen.permissions];
    let readAt = Infinity;

    if (seen.bundles !== undefined && seen.own !== undefined) {
      const outcome = this.#bundles.apply(seen.bundles, seen.own, now);
      errors.push(...outcome.errors);
      warnings.push(...outcome.warnings);
      readAt = outcome.confirmAt ?? Infinity;
    }
    const verdict = this.#judge(seen, now);
    if (verdict.error !== undefined) errors.unshift(verdict.error);
    readAt = Math.min(readAt, verdict.readAt ?? Infinity);
    const { accepted } = verdict;
    const svid = accepted?.svid ?? this.#cell.latest?.svid;
    const isInUse = svid !== undefined && this.#bundles.set.get(svid.id.trustDomain) !== undefined;
    if (isInUse) {
      const reason = accepted?.reason ?? 'bundles';
      if (accepted !== undefined) this.identities.accept(accepted.svid, now);
      if (svid !== this.#cell.latest?.svid || this.#bundles.set !== this.#cell.latest?.bundles) {
        this.#publish(svid, reason, clock.now() - noticedAt);
      }
    }
    return { errors, warnings, readAt, isInUse };
  }

  /** Puts the previous identity into use if it is due. Whether it did. */
  fallBack(): boolean {
    const svid = this.identities.fallBack(this.#settings.clock.now());
    if (svid === undefined) return false;
    this.#publish(svid, 'fallback');
    return true;
  }

  /** The identity to put into use, if there is one, or what stands in its way. */
  #judge({ svid, file, verdict: alone }: Look, now: number): Judgement {
    if (svid === undefined || alone === undefined) return {};
    const verdict = this.identities.judgeTrust(svid, alone, this.#bundles.set, now);
    if (verdict.kind === 'same') {
      this.identities.settle();
      // It may have been dropped as expired by a clock that was wrong.
      return this.#cell.latest === undefined ? { accepted: { svid, reason: 'recovery' } } : {};
    }
    if (verdict.kind === 'wait') {
      this.identities.wait(svid, verdict, now);
      return { error: verdict.error, readAt: verdict.until };
    }
    if (verdict.kind === 'reject') return { error: verdict.error };
    try {
      dryRun(svid, this.#bundles.set.get(svid.id.trustDomain), file);
    } catch (error) {
      return { error: asSpiffeError(error) };
    }
    return { accepted: { svid, reason: verdict.reason } };
  }

  #publish(svid: X509Svid, reason: string, tookMs?: number): void {
    this.#times = healthTimes(svid);
    this.#onPublish();
    this.#cell.publish({ svid, bundles: this.#bundles.set }, reason, tookMs);
  }
}
