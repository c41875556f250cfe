import { BundleSet, SpiffeError, type TrustDomain, X509Bundle } from '@svidkit/core';

import { type BundleReading, type BundlesRead } from './bundle-reading.ts';
import { BundleSequences, type OlderBundle, olderBundles, unnumberedChange } from './bundle-sequences.ts';

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
 * The bundles in use, which follow the files with care: more authorities count at once; fewer only when what was read
 * is whole or says the same again after two seconds, since a PEM file cut off between two certificates looks just
 * like a smaller bundle. Bundles that have not changed stay the same objects.
 */
export class BundleState {
  #set: BundleSet = BundleSet.empty;
  readonly #doubts = new Map<TrustDomain, Doubt>();
  readonly #sequences = new BundleSequences();
  /** The file that each bundle in use is from. */
  readonly #origins = new Map<TrustDomain, string>();

  /** The bundles in use. The same object until one of them changes. */
  get set(): BundleSet {
    return this.#set;
  }

  /** Takes in what was read, at `now`, by the holder of an identity of trust domain `own`. */
  apply(read: BundlesRead, own: TrustDomain, now: number): BundleOutcome {
    const errors: SpiffeError[] = [];
    const warnings = [...read.warnings];
    const [older, rest] = this.#apartFromOlder(read.readings);
    for (const reading of rest) {
      const isOwn = reading.trustDomain === own;
      const problem = reading.error ?? missing(reading);
      if (problem === undefined || (!isOwn && reading.error === undefined)) {
        // A federated bundle that is gone or empty ends the federation; so does its absence below.
        const wanted = reading.bundle?.isEmpty === true ? undefined : reading.bundle;
        this.#take(reading, wanted, warnings, now);
        if (problem !== undefined) warnings.push(problem);
        continue;
      }
      // Trust Domain and Bundle 4.1.3: what is published without any authority revokes all there were. An empty PEM
      // file says nothing: one that is being written looks the same.
      const isRevoked = reading.facts?.revokes === true && this.#set.get(own) !== undefined;
      if (isRevoked) this.#take(reading, reading.bundle, warnings, now);
      else this.#doubts.delete(reading.trustDomain);
      errors.push(problem);
    }
    for (const [path, ones] of Map.groupBy(older, ({ path: file }) => file)) {
      errors.push(
        olderBundles(
          path,
          ones.map((one) => this.#compared(one)),
        ),
      );
    }
    const { map } = read;
    if (map?.error !== undefined && !errors.includes(map.error)) errors.push(map.error);
    if (read.isComplete) this.#endAbsent(read, now);
    return { errors, warnings, confirmAt: this.#confirmAt() };
  }

  /** Those that are older than what is in use, which stays there, and the others. */
  #apartFromOlder(readings: readonly BundleReading[]): readonly [BundleReading[], BundleReading[]] {
    const older: BundleReading[] = [];
    const rest: BundleReading[] = [];
    for (const reading of readings) {
      const isOlder = this.#sequences.isOlder(reading.trustDomain, reading.facts?.sequence);
      if (isOlder) this.#doubts.delete(reading.trustDomain);
      (isOlder ? older : rest).push(reading);
    }
    return [older, rest];
  }

  #compared({ trustDomain, facts }: BundleReading): OlderBundle {
    return { trustDomain, got: facts?.sequence, held: this.#sequences.get(trustDomain) };
  }

  /** Follows a reading without error, and remembers where it is from and which version it is. */
  #take(
    { trustDomain, path, bundle, facts, isWhole }: BundleReading,
    wanted: X509Bundle | undefined,
    warnings: SpiffeError[],
    now: number,
  ): void {
    const before = this.#set.get(trustDomain);
    const sequence = facts?.sequence;
    if (sequence !== undefined && sequence === this.#sequences.get(trustDomain)) {
      const isSame = before === undefined ? wanted === undefined : wanted?.equals(before) === true;
      if (!isSame) warnings.push(unnumberedChange(path, trustDomain, sequence));
    }
    this.#follow(trustDomain, wanted, isWhole, now);
    // A trust domain that is gone may begin to count anew when it comes back. One that is empty is not gone.
    const isGone = bundle === undefined && this.#set.get(trustDomain) === undefined;
    if (bundle !== undefined || isGone) this.#sequences.note(trustDomain, sequence);
    if (bundle !== undefined) this.#origins.set(trustDomain, path);
  }

  /** Ends the federation with those that nothing was read about, unless that is because their file is broken. */
  #endAbsent({ readings, map, isAtomic }: BundlesRead, now: number): void {
    const present = new Set(readings.map(({ trustDomain }) => trustDomain));
    const files = new Map<string | undefined, { readonly error: unknown; readonly isWhole: boolean }>(
      [...readings, ...(map === undefined ? [] : [map])].map((file) => [file.path, file]),
    );
    for (const { trustDomain } of this.#set) {
      if (present.has(trustDomain)) continue;
      const file = files.get(this.#origins.get(trustDomain));
      if (file?.error !== undefined) continue;
      this.#follow(trustDomain, undefined, file?.isWhole ?? isAtomic, now);
      if (this.#set.get(trustDomain) === undefined) this.#sequences.note(trustDomain, undefined);
    }
  }

  #follow(trustDomain: TrustDomain, wanted: X509Bundle | undefined, isWhole: boolean, now: number): void {
    const current = this.#set.get(trustDomain);
    if (wanted === undefined && current === undefined) return void this.#doubts.delete(trustDomain);
    if (wanted !== undefined && current?.equals(wanted) === true)
      return void this.#doubts.delete(trustDomain);

    const isShrinking = current?.authorities.some((authority) => wanted?.has(authority) !== true) === true;
    if (isWhole || !isShrinking || this.#isConfirmed(trustDomain, wanted, now)) {
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
function missing({
  trustDomain,
  path,
  format,
  bundle,
  skipped,
  facts,
}: BundleReading): SpiffeError | undefined {
  if (bundle !== undefined && !bundle.isEmpty) return undefined;
  const wanted = `want the trust bundle of ${trustDomain.name}`;
  if (bundle === undefined && format === 'bundle-map') {
    return new SpiffeError('ERR_MOUNT_NOT_FOUND', `${wanted} in ${path}, got a bundle map without it`, {
      hint: 'Let its publisher put the trust domain back, or do not ask for it.',
      file: path,
    });
  }
  if (facts?.revokes === true) {
    return new SpiffeError(
      'ERR_BUNDLE_EMPTY',
      `want authorities of ${trustDomain.name} for X.509-SVIDs in ${path}, got none`,
      {
        hint: 'None of its SVIDs is trusted. If that is not meant, let its publisher put them back.',
        file: path,
      },
    );
  }
  if (bundle !== undefined) {
    const got = skipped.length === 0 ? 'an empty file' : 'no authority in it';
    return new SpiffeError('ERR_BUNDLE_EMPTY', `${wanted} in ${path}, got ${got}`, {
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
