import { firstReasons, type JwtBundle, publish, SpiffeError } from '@svidkit/core';
import {
  JwtBundleSet,
  type JwtSource,
  type JwtSvid,
  type JwtSvidRequest,
  parseJwtSvid,
  pickJwtSvid,
  readJwtBundles,
  readRequest,
  validateJwtSvid,
  type ValidateJwtSvidOptions,
  type VerifiedJwtSvid,
} from '@svidkit/core/jwt';

import { BundleSequences, type OlderBundle, olderBundles, unnumberedChange } from './bundle-sequences.ts';
import { type MountPorts } from './mount-ports.ts';
import { type JwtFileSettings } from './mounted-jwt-options.ts';
import { type PolicyFileHealth } from './mounted-policy-file.ts';
import { WatchedFile } from './watched-file.ts';

/** How a source over mounted tokens fares. */
export interface MountedJwtHealth {
  /** Whether there is a token in each file that is valid now, and whether the bundles were ever read. */
  readonly ready: boolean;
  /** When the first of the tokens in use expires, in milliseconds since the Unix epoch; undefined without one. */
  readonly notAfter: number | undefined;
  /** The latest failure of each file that cannot be used now. */
  readonly errors: readonly SpiffeError[];
  /** What is wrong and what to do, one sentence each; empty when all is well. */
  readonly problems: readonly string[];
}

/** A source over mounted files with tokens and bundles. */
export interface MountedJwtSource extends JwtSource {
  /** The files that are followed, absolute. */
  readonly files: readonly string[];
  /** How it fares now. Cheap. */
  health(): MountedJwtHealth;
  /**
   * Looks at all files now, without waiting for an event or the next poll. Resolves when looks that began after the call
   * are over, whatever they found; never rejects.
   */
  check(): Promise<void>;
}

/** The source over mounted files: one watched file for each token, and one for the bundles. */
export class MountedJwtFiles implements MountedJwtSource {
  readonly files: readonly string[];
  readonly #settings: JwtFileSettings;
  readonly #watched: readonly WatchedFile[];
  /** The token of each file, by its path. */
  readonly #svids = new Map<string, JwtSvid>();
  readonly #closing = new AbortController();
  readonly #sequences = new BundleSequences();
  #bundles: JwtBundleSet | undefined;

  constructor(settings: JwtFileSettings, ports: MountPorts) {
    const { svids, bundle } = settings;
    this.#settings = settings;
    const watched = svids.map(
      (file) => new WatchedFile(file, ports, (text) => this.#takeSvid(file.file, text)),
    );
    if (bundle !== undefined) {
      watched.push(new WatchedFile(bundle, ports, (text) => this.#takeBundles(text, bundle.file)));
    }
    this.#watched = watched;
    this.files = Object.freeze(watched.map(({ file }) => file));
  }

  /**
   * Waits until every file can be used.
   *
   * @throws {@link SpiffeError} why one cannot; and the reason of the signal.
   */
  async open(): Promise<void> {
    try {
      await Promise.all(this.#watched.map((file) => file.open()));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  get jwtBundles(): JwtBundleSet {
    this.closed.throwIfAborted();
    if (this.#bundles !== undefined) return this.#bundles;
    throw new SpiffeError('ERR_SOURCE_EMPTY', 'this source has no file with JWT bundles', {
      blame: 'caller',
      hint: 'Give the option bundle, the file that has them.',
    });
  }

  async fetchJwtSvid(request: JwtSvidRequest): Promise<JwtSvid> {
    this.closed.throwIfAborted();
    request.signal?.throwIfAborted();
    return pickJwtSvid(this.#svids.values(), readRequest(request), this.#settings.clock.now());
  }

  async validateJwtSvid(token: string, options: ValidateJwtSvidOptions): Promise<VerifiedJwtSvid> {
    return validateJwtSvid(token, this.jwtBundles, { clock: this.#settings.clock, ...options });
  }

  health(): MountedJwtHealth {
    const files = this.#watched.map((file) => file.health());
    const expiries = [...this.#svids.values()].map(({ expiry }) => expiry);
    const now = this.#settings.clock.now();
    const expired = [...this.#svids.values()].filter(({ expiry }) => now >= expiry);
    return Object.freeze({
      ready: !this.closed.aborted && expired.length === 0 && files.every(isLoaded),
      notAfter: expiries.length === 0 ? undefined : Math.min(...expiries),
      errors: Object.freeze(files.map(({ lastError }) => lastError).filter((error) => error !== undefined)),
      problems: Object.freeze([
        ...files.flatMap(({ problems }) => problems),
        ...expired.map(
          (svid) => `the token for ${svid.audience.join(', ')} has expired: find out why renewal stopped`,
        ),
      ]),
    });
  }

  async check(): Promise<void> {
    await Promise.all(this.#watched.map((file) => file.check()));
  }

  async close(): Promise<void> {
    if (this.closed.aborted) return;
    this.#closing.abort(new SpiffeError('ERR_SOURCE_CLOSED', 'the source is closed'));
    this.#svids.clear();
    await Promise.all(this.#watched.map((file) => file.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #takeSvid(file: string, text: string): void {
    const svid = parseJwtSvid(text.trim());
    const now = this.#settings.clock.now();
    if (now >= svid.expiry) {
      throw new SpiffeError(
        'ERR_JWT_EXPIRED',
        `want a token that is valid now (${new Date(now).toISOString()}), got one that expired at ${new Date(svid.expiry).toISOString()}`,
        { blame: 'environment', hint: 'Find out why renewal stopped, and check the clock of this machine.' },
      );
    }
    this.#svids.set(file, svid);
    const { id, audience, expiry } = svid;
    publish('svidkit:jwt.update', () => ({ id: id.toString(), audience, expiry }));
  }

  /**
   * Takes each bundle by itself: one that is older than the one in use, or that has entries of which none can be used, does
   * not keep the others out.
   */
  #takeBundles(text: string, file: string): readonly SpiffeError[] {
    const { trustDomain: named } = this.#settings;
    const { bundles, sequences } = readJwtBundles(text, named === undefined ? {} : { trustDomain: named });
    const before = this.#bundles ?? JwtBundleSet.empty;
    const older: OlderBundle[] = [];
    const odd: SpiffeError[] = [];
    let next = bundles;
    for (const bundle of bundles) {
      const { trustDomain } = bundle;
      const held = before.get(trustDomain);
      const got = sequences.get(trustDomain.name);
      const number = this.#sequences.get(trustDomain);
      if (held !== undefined && this.#sequences.isOlder(trustDomain, got)) {
        older.push({ trustDomain, got, held: number });
        next = next.with(held);
        continue;
      }
      if (held !== undefined && bundle.authorities.size === 0 && bundle.skipped.length > 0) {
        odd.push(unusable(bundle, file));
        next = next.with(held);
        continue;
      }
      if (got !== undefined && got === number && held?.equals(bundle) === false) {
        odd.push(unnumberedChange(file, trustDomain, got));
      }
      this.#sequences.note(trustDomain, got);
    }
    for (const { trustDomain } of before) {
      if (next.get(trustDomain) === undefined) this.#sequences.note(trustDomain, undefined);
    }
    this.#bundles = next;
    return older.length === 0 ? odd : [olderBundles(file, older), ...odd];
  }
}

function isLoaded({ loadedAt }: PolicyFileHealth): boolean {
  return loadedAt !== undefined;
}

/** A document of which nothing can be used is damaged; one without entries says that there are none. */
function unusable({ trustDomain, skipped }: JwtBundle, file: string): SpiffeError {
  return new SpiffeError(
    'ERR_BUNDLE_EMPTY',
    `want authorities of ${trustDomain.name} for JWT-SVIDs in ${file}, got none that counts: ${firstReasons(skipped)}`,
    { hint: 'The last good ones stay in use. Let its publisher write them whole.', file },
  );
}
