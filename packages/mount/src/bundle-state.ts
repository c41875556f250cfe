import { BundleSet, SpiffeError, type TrustDomain, X509Bundle } from '@svidkit/core';

import { type BundleReading, type BundlesRead } from './load-bundles.ts';

/** How long a smaller bundle has to stay as it is before a writer that is not atomic is believed. */
const SETTLE_MS = 2_000;

/** What came of one look. */
export interface BundleOutcome {
  /** Why what was in use stays in use although the files say otherwise, or nothing. */
  readonly errors: readonly SpiffeError[];
  readonly warnings: readonly SpiffeError[];
  /** When to read again to confirm that something is gone; in milliseconds since the Unix epoch. */
  readonly confirmAt: number | undefined;
}

interface Doubt {
  /** What was read; undefined when it was gone. */
  readonly bundle: X509Bundle | undefined;
  readonly since: number;
}

/**
 * The bundles in use, which follow the files with care: more authorities count at once; fewer only when the writer
 * is atomic or says the same again after two seconds, since a file cut off between two certificates looks just
 * like a smaller bundle. Bundles that have not changed stay the same objects.
 */
export class BundleState {
  #set: BundleSet = BundleSet.empty;
  readonly #doubts = new Map<TrustDomain, Doubt>();

  /** The bundles in use. The same object until one of them changes. */
  get set(): BundleSet {
    return this.#set;
  }

  /** Takes in what was read, at `now`, by the holder of an identity of trust domain `own`. */
  apply(read: BundlesRead, own: TrustDomain, now: number): BundleOutcome {
    const errors: SpiffeError[] = [];
    const warnings = [...read.warnings];
    for (const reading of read.readings) {
      const isOwn = reading.trustDomain === own;
      const problem = reading.error ?? missing(reading);
      if (problem === undefined || (!isOwn && reading.error === undefined)) {
        // A federated bundle that is gone or empty ends the federation; so does its absence below.
        const wanted = reading.bundle?.isEmpty === true ? undefined : reading.bundle;
        this.#follow(reading.trustDomain, wanted, reading.isAtomic, now);
        if (problem !== undefined) warnings.push(problem);
      } else {
        this.#doubts.delete(reading.trustDomain);
        errors.push(problem);
      }
    }
    if (read.isComplete) {
      const present = new Set(read.readings.map(({ trustDomain }) => trustDomain));
      for (const { trustDomain } of this.#set) {
        if (!present.has(trustDomain)) this.#follow(trustDomain, undefined, read.isAtomic, now);
      }
    }
    return { errors, warnings, confirmAt: this.#confirmAt() };
  }

  #follow(trustDomain: TrustDomain, wanted: X509Bundle | undefined, isAtomic: boolean, now: number): void {
    const current = this.#set.get(trustDomain);
    if (wanted === undefined && current === undefined) return void this.#doubts.delete(trustDomain);
    if (wanted !== undefined && current?.equals(wanted) === true)
      return void this.#doubts.delete(trustDomain);

    const isShrinking = current?.authorities.some((authority) => wanted?.has(authority) !== true) === true;
    if (isAtomic || !isShrinking || this.#isConfirmed(trustDomain, wanted, now)) {
      this.#doubts.delete(trustDomain);
      this.#set = wanted === undefined ? this.#set.without(trustDomain) : this.#set.with(wanted);
      return;
    }
    if (current === undefined || wanted === undefined) return;
    const added = wanted.authorities.filter((authority) => !current.has(authority));
    if (added.length > 0) {
      const ders = [...current.authorities, ...added].map(({ der }) => der);
      this.#set = this.#set.with(X509Bundle.fromDer(trustDomain, ders));
    }
  }

  /** Whether the same was read at least {@link SETTLE_MS} ago. If not, remembers what was read now. */
  #isConfirmed(trustDomain: TrustDomain, wanted: X509Bundle | undefined, now: number): boolean {
    const doubt = this.#doubts.get(trustDomain);
    const isSame = doubt !== undefined && isEqual(doubt.bundle, wanted);
    // A clock that was set back would keep the doubt for ever.
    if (!isSame || now < doubt.since) this.#doubts.set(trustDomain, { bundle: wanted, since: now });
    return isSame && now - doubt.since >= SETTLE_MS;
  }

  #confirmAt(): number | undefined {
    if (this.#doubts.size === 0) return undefined;
    return Math.min(...[...this.#doubts.values()].map(({ since }) => since)) + SETTLE_MS;
  }
}

function isEqual(a: X509Bundle | undefined, b: X509Bundle | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

/** Why a reading without an error has no authorities; undefined when it has some. */
function missing({ trustDomain, path, bundle }: BundleReading): SpiffeError | undefined {
  if (bundle !== undefined && !bundle.isEmpty) return undefined;
  const wanted = `want the trust bundle of ${trustDomain.name}`;
  if (bundle !== undefined) {
    const skipped = bundle.skipped.length === 0 ? 'an empty file' : 'no authority in it';
    return new SpiffeError('ERR_BUNDLE_EMPTY', `${wanted} in ${path}, got ${skipped}`, {
      hint: 'Check the source of the bundle: the flag --source-ca-bundle of the CSI driver, the ClusterTrustBundle, or the CA of the issuer.',
      file: path,
    });
  }
  if (path === '') {
    return new SpiffeError('ERR_MOUNT_NOT_FOUND', `${wanted}, got no file that is configured for it`, {
      hint: 'Name the file with option files.ca or option bundles.',
    });
  }
  return new SpiffeError('ERR_MOUNT_NOT_FOUND', `${wanted} in ${path}, got nothing there`, {
    hint: 'Let the writer provide the bundle, or name its file with option files.ca or option bundles.',
    file: path,
  });
}
