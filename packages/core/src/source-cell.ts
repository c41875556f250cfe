import { type Clock, type Timer } from './clock.ts';
import { SpiffeError } from './errors.ts';
import { publish } from './events.ts';
import { Listeners } from './listeners.ts';
import { type X509Context, type X509Source } from './source.ts';

/** What a {@link SourceCell} needs. */
export interface SourceCellOptions {
  /** The source it is part of, for events; called when there is one to publish. */
  readonly source: () => X509Source;
  /** Decides when an SVID has expired. */
  readonly clock: Clock;
}

/**
 * The machinery that every source shares: holds the one current generation, counts generations, empties itself when
 * the SVID expires, and tells listeners, in order and one by one. For those who write sources; a source delegates
 * `current`, `onUpdate` and `closed` to it.
 */
export class SourceCell {
  /** Aborts, with `ERR_SOURCE_CLOSED`, when the cell is closed. */
  readonly closed: AbortSignal;
  readonly #options: SourceCellOptions;
  readonly #closing = new AbortController();
  readonly #listeners = new Listeners<X509Context | undefined>('a source');
  #context: X509Context | undefined;
  #generation = 0;
  #timer: Timer | undefined;
  #failure: SpiffeError = new SpiffeError('ERR_SOURCE_EMPTY', 'the source has not loaded an identity yet');

  constructor(options: SourceCellOptions) {
    this.#options = options;
    this.closed = this.#closing.signal;
  }

  /**
   * The generation to use now.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_CLOSED`, `ERR_SOURCE_EXPIRED`, `ERR_SOURCE_EMPTY` before the first
   * generation, and what {@link SourceCell.withdraw} was given.
   */
  get current(): X509Context {
    const context = this.latest;
    if (context === undefined) throw this.#failure;
    return context;
  }

  /** The generation to use now; undefined where {@link SourceCell.current} throws. */
  get latest(): X509Context | undefined {
    // Timers can be late, above all after the machine slept, so every reading asks the clock.
    this.#expireWhenDue();
    return this.#context;
  }

  /** Why there is nothing to use; undefined when there is something. */
  get failure(): SpiffeError | undefined {
    return this.latest === undefined ? this.#failure : undefined;
  }

  /**
   * Makes a new generation the current one and tells the listeners.
   *
   * @param reason - what happened, for logs: `rotation`, `first load`.
   * @param tookMs - from the change being noticed until now.
   * @returns the frozen snapshot.
   * @throws {@link SpiffeError} `ERR_SVID_EXPIRED` (the generation in use stays), `ERR_SOURCE_CLOSED`.
   */
  publish(next: Omit<X509Context, 'generation' | 'loadedAt'>, reason: string, tookMs?: number): X509Context {
    if (this.closed.aborted) throw this.#failure;
    const { svid, bundles } = next;
    const loadedAt = this.#options.clock.now();
    if (loadedAt > svid.expiresAt) throw expired('ERR_SVID_EXPIRED', svid, loadedAt);
    this.#generation++;
    const context = Object.freeze({ generation: this.#generation, svid, bundles, loadedAt });
    this.#set(context, reason, tookMs);
    return context;
  }

  /**
   * Empties the cell: from now on {@link SourceCell.current} throws `error`. Listeners are told when there was
   * something before. Nothing happens when it is closed.
   */
  withdraw(error: SpiffeError, reason: string): void {
    if (this.closed.aborted) return;
    this.#failure = error;
    if (this.#context !== undefined) this.#set(undefined, reason);
  }

  /**
   * Calls `listener` after each change, as {@link X509Source.onUpdate} says. A change made by a listener is told to
   * all after the one they are being told of.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_CLOSED`.
   */
  onUpdate(listener: (context: X509Context | undefined) => void): Disposable {
    if (this.closed.aborted) throw this.#failure;
    return this.#listeners.add(listener);
  }

  /** Lets go of the identity and the timer, and tells the listeners. Idempotent. */
  close(): void {
    if (this.closed.aborted) return;
    this.#failure = new SpiffeError('ERR_SOURCE_CLOSED', 'the source is closed');
    // Closed before anyone is told, so that no listener can publish once more.
    this.#closing.abort(this.#failure);
    if (this.#context !== undefined) this.#set(undefined, 'closed');
  }

  #set(context: X509Context | undefined, reason: string, tookMs?: number): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#context = context;
    if (context !== undefined) this.#armExpiry(context);
    publish('svidkit:source.update', () => ({
      source: this.#options.source(),
      context,
      reason,
      ...(tookMs === undefined ? {} : { tookMs }),
    }));
    this.#listeners.tell(context);
  }

  #armExpiry(context: X509Context): void {
    const { clock } = this.#options;
    // RFC 5280 4.1.2.5: the validity includes its last instant.
    const delayMs = context.svid.expiresAt - clock.now() + 1;
    this.#timer = clock.setTimer(() => {
      this.#expireWhenDue();
      // The clock of this machine may have been set back meanwhile.
      if (this.#context === context) this.#armExpiry(context);
    }, delayMs);
    this.#timer.unref();
  }

  #expireWhenDue(): void {
    const context = this.#context;
    if (context === undefined) return;
    const now = this.#options.clock.now();
    if (now <= context.svid.expiresAt) return;
    this.withdraw(expired('ERR_SOURCE_EXPIRED', context.svid, now), 'expired');
  }
}

function expired(
  code: 'ERR_SVID_EXPIRED' | 'ERR_SOURCE_EXPIRED',
  svid: X509Context['svid'],
  now: number,
): SpiffeError {
  const at = new Date(svid.expiresAt).toISOString();
  return new SpiffeError(
    code,
    `want an SVID that is valid now (${new Date(now).toISOString()}), got ${svid.id.toString()}, which expired at ${at}`,
    { hint: 'Find out why renewal stopped, and check the clock of this machine.' },
  );
}
