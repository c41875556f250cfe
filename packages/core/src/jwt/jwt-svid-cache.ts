import { type Clock, systemClock, type Timer } from '../clock.ts';
import { SpiffeError } from '../errors.ts';
import { publish } from '../events.ts';
import { jwtError } from './jwt-error.ts';
import { type JwtSvidRequest } from './jwt-source.ts';
import { type JwtSvid } from './jwt-svid.ts';
import {
  describeRequest,
  readRequest,
  requestKey,
  requireWanted,
  type WantedJwtSvid,
} from './read-request.ts';
import { settledUnless } from './settled-unless.ts';

/** What a {@link JwtSvidCache} needs. */
export interface JwtSvidCacheOptions {
  /**
   * Gets a new token from the issuer.
   *
   * @param signal - aborts when the cache is closed. That a caller gives up does not abort it: others may wait too.
   */
  readonly fetch: (wanted: WantedJwtSvid, signal: AbortSignal) => Promise<JwtSvid>;
  /** How many tokens are kept; beyond, the one that was not used for longest goes. At least 1. @default 1_000 */
  readonly maxEntries?: number;
  /** @default systemClock */
  readonly clock?: Clock;
  /** From 0 up to 1, for jitter. @default Math.random */
  readonly random?: () => number;
}

interface Entry {
  readonly wanted: WantedJwtSvid;
  svid: JwtSvid | undefined;
  /** When it is handed out no longer, a little before it expires. */
  endsAt: number;
  /** When to look for a new one. */
  refreshAt: number;
  pending: Promise<JwtSvid> | undefined;
  timer: Timer | undefined;
  failures: number;
  /** Whether anybody has asked for it since it was fetched. */
  isUsed: boolean;
}

/** A token on its way must not expire there. */
const MARGIN_MS = 5_000;
const MARGIN_PART = 0.1;
/** When to renew, as a part of the lifetime; spread, so that a fleet that began together does not ask together. */
const REFRESH_FROM = 0.45;
const REFRESH_SPREAD = 0.1;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/**
 * Keeps the tokens of one issuer fresh, for those who write sources. One token for each audience (as a set) and subject;
 * one request to the issuer at a time for each, however many wait for it. At about half its life a token that is in use
 * is renewed in the background; when that fails it stays in use until shortly before it expires, and is then never handed
 * out again. Timers do not keep the process alive. `svidkit:jwt.update` tells of each new token, `svidkit:source.error`
 * of each renewal that failed.
 */
export class JwtSvidCache {
  readonly #options: JwtSvidCacheOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #maxEntries: number;
  readonly #closing = new AbortController();
  /** In the order of use, the latest last. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: JwtSvidCacheOptions) {
    const { clock = systemClock, random = Math.random, maxEntries = 1_000 } = options;
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new SpiffeError('ERR_CONFIG_OPTION', `option maxEntries: want 1 or more, got ${maxEntries}`);
    }
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#maxEntries = maxEntries;
  }

  /**
   * A token that is valid now.
   *
   * @throws {@link SpiffeError} (as a rejection) `ERR_CONFIG_OPTION`, `ERR_SOURCE_CLOSED`, and what `fetch` throws when
   * there is no token in use (`ERR_JWT_UNAVAILABLE` for what is no {@link SpiffeError}); `ERR_JWT_AUDIENCE` and `ERR_JWT_EXPIRED` for a token that was not asked for. The reason of
   * the signal.
   */
  async get(request: JwtSvidRequest): Promise<JwtSvid> {
    const { signal } = request;
    const wanted = readRequest(request);
    this.#closing.signal.throwIfAborted();
    signal?.throwIfAborted();
    const entry = this.#enter(wanted);
    entry.isUsed = true;
    const now = this.#clock.now();
    if (entry.svid !== undefined && now < entry.endsAt) {
      if (now >= entry.refreshAt) this.#refresh(entry);
      return entry.svid;
    }
    return settledUnless(this.#fetch(entry), this.#closing.signal, signal);
  }

  /** How many tokens it keeps or waits for. */
  get size(): number {
    return this.#entries.size;
  }

  /** Forgets all tokens, because their issuer took them back. Those on their way are given to whoever waits for them. */
  clear(): void {
    for (const [key, entry] of this.#entries) this.#drop(key, entry);
  }

  /** Forgets all tokens; whoever waits is rejected with `ERR_SOURCE_CLOSED`. Idempotent. */
  close(): void {
    this.clear();
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(new SpiffeError('ERR_SOURCE_CLOSED', 'the source is closed'));
    }
  }

  #enter(wanted: WantedJwtSvid): Entry {
    const key = requestKey(wanted);
    const entry = this.#entries.get(key) ?? newEntry(wanted);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#maxEntries) {
      for (const [oldest, other] of this.#entries) {
        this.#drop(oldest, other);
        break;
      }
    }
    return entry;
  }

  #drop(key: string, entry: Entry): void {
    entry.timer?.clear();
    this.#entries.delete(key);
  }

  /** The one fetch of an entry. */
  #fetch(entry: Entry): Promise<JwtSvid> {
    entry.pending ??= this.#fetchAnew(entry).finally(() => {
      entry.pending = undefined;
    });
    return entry.pending;
  }

  async #fetchAnew(entry: Entry): Promise<JwtSvid> {
    const { wanted } = entry;
    const svid = await this.#ask(wanted);
    const now = this.#clock.now();
    requireWanted(svid, wanted, now);
    const life = svid.expiry - now;
    entry.svid = svid;
    entry.endsAt = svid.expiry - Math.min(MARGIN_MS, life * MARGIN_PART);
    entry.refreshAt = now + life * (REFRESH_FROM + REFRESH_SPREAD * this.#random());
    entry.failures = 0;
    entry.isUsed = false;
    this.#arm(entry);
    const { id, audience, expiry } = svid;
    publish('svidkit:jwt.update', () => ({ id: id.toString(), audience, expiry }));
    return svid;
  }

  async #ask(wanted: WantedJwtSvid): Promise<JwtSvid> {
    try {
      return await this.#options.fetch(wanted, this.#closing.signal);
    } catch (cause) {
      if (cause instanceof SpiffeError) throw cause;
      throw jwtError('ERR_JWT_UNAVAILABLE', `a token for ${describeRequest(wanted)}`, 'a failure', { cause });
    }
  }

  /** Renews in the background; never rejects. */
  #refresh(entry: Entry): void {
    if (entry.pending !== undefined) return;
    this.#fetch(entry).catch((error: unknown) => {
      if (this.#closing.signal.aborted || !(error instanceof SpiffeError)) return;
      const pause = Math.min(FIRST_RETRY_MS * 2 ** entry.failures, LAST_RETRY_MS);
      entry.failures++;
      entry.refreshAt = this.#clock.now() + pause * (1 + this.#random() / 5);
      this.#arm(entry);
      publish('svidkit:source.error', () => ({ source: undefined, error }));
    });
  }

  #arm(entry: Entry): void {
    entry.timer?.clear();
    entry.timer = undefined;
    if (this.#entries.get(requestKey(entry.wanted)) !== entry || entry.refreshAt >= entry.endsAt) return;
    entry.timer = this.#clock.setTimer(() => {
      // Nobody has asked since: the next one who does finds that it is time.
      if (entry.isUsed) this.#refresh(entry);
    }, entry.refreshAt - this.#clock.now());
    entry.timer.unref();
  }
}

function newEntry(wanted: WantedJwtSvid): Entry {
  return {
    wanted,
    svid: undefined,
    endsAt: 0,
    refreshAt: 0,
    pending: undefined,
    timer: undefined,
    failures: 0,
    isUsed: false,
  };
}
