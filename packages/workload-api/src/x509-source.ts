import {
  type HealthStatus,
  type HealthTimes,
  healthTimes,
  nextHealthTime,
  publish,
  SourceCell,
  type SourceHealth,
  SpiffeError,
  statusAt,
  type Timer,
  type X509Context,
  type X509Svid,
} from '@svidkit/core';

import { beginsAt, isSameSvid, judgeSvid } from './judge-svid.ts';
import { Opening } from './opening.ts';
import { type WorkloadX509Context } from './read-x509.ts';
import { asSpiffeError } from './status-error.ts';
import { Troubles } from './troubles.ts';
import { withdraws } from './withdrawal.ts';
import { type WorkloadApiX509Source } from './workload-api-x509-source.ts';
import { type X509SourceSettings } from './x509-source-options.ts';

/** How long the first answer may take when that alone is waited for. */
const FIRST_ANSWER_MS = 10_000;
/** What a message may show. */
const PLAIN_HINT = /^[\w./-]{1,64}$/u;
const FROM_BEST_TO_WORST: readonly HealthStatus[] = ['fresh', 'overdue', 'critical', 'expired'];

/** The follower of one Workload API: takes whole messages, decides, and publishes. */
export class X509SourceOverWorkloadApi implements WorkloadApiX509Source {
  readonly closed: AbortSignal;
  readonly #settings: X509SourceSettings;
  readonly #cell: SourceCell;
  readonly #troubles: Troubles;
  readonly #opening = new Opening();
  #message: WorkloadX509Context | undefined;
  #wasEmptied = false;
  /** Why nothing comes any more. */
  #end: SpiffeError | undefined;
  #times: HealthTimes | undefined;
  #status: HealthStatus = 'expired';
  #healthTimer: Timer | undefined;
  /** Ends the stream, so that another one is opened. */
  #silence = new AbortController();
  /** For an SVID that has to wait for its first instant. */
  #pendingTimer: Timer | undefined;

  constructor(settings: X509SourceSettings) {
    const { clock } = settings;
    this.#settings = settings;
    this.#cell = new SourceCell({ source: () => this, clock });
    this.closed = this.#cell.closed;
    this.#troubles = new Troubles((error) => this.#tell(error));
  }

  /**
   * Waits for the first identity.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_TIMEOUT`, `ERR_WORKLOAD_API_REFUSED`, `ERR_WORKLOAD_API_UNIMPLEMENTED`;
   * and the reason of the signal.
   */
  async open(): Promise<void> {
    const { clock, signal, waitMs } = this.#settings;
    const limitMs = waitMs === 0 ? FIRST_ANSWER_MS : waitMs;
    const timeout = (): SpiffeError => this.#timeout(limitMs);
    try {
      await this.#opening.wait({ clock, limitMs, signal, timeout }, () => void this.#follow());
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get address(): string {
    return this.#settings.client.address;
  }

  get current(): X509Context {
    return this.#cell.current;
  }

  get svids(): readonly X509Svid[] {
    return this.#message?.svids ?? [];
  }

  get crls(): readonly Uint8Array[] {
    return this.#message?.crls ?? [];
  }

  onUpdate(listener: (context: X509Context | undefined) => void): Disposable {
    return this.#cell.onUpdate(listener);
  }

  health(): SourceHealth {
    const context = this.#cell.latest;
    const status = this.#currentStatus();
    const { unreadyAt } = this.#settings;
    return Object.freeze({
      status,
      ready: FROM_BEST_TO_WORST.indexOf(status) < FROM_BEST_TO_WORST.indexOf(unreadyAt),
      generation: context?.generation ?? 0,
      notAfter: context?.svid.expiresAt,
      lastError: this.#end ?? this.#troubles.latest ?? this.#cell.failure,
      problems: Object.freeze([...new Set(this.#problems(status))]),
    });
  }

  async close(): Promise<void> {
    if (this.closed.aborted) return;
    this.#pendingTimer?.clear();
    this.#healthTimer?.clear();
    this.#message = undefined;
    this.#cell.close();
    this.#setStatus();
    if (this.#settings.ownsClient) await this.#settings.client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Follows the stream until the source closes, or nothing can come any more. Never rejects. */
  async #follow(): Promise<void> {
    let error: SpiffeError | undefined;
    while (error === undefined) {
      error = await this.#followOnce();
      if (this.closed.aborted) return;
    }
    this.#end = error;
    this.#tell(error);
    this.#withdrawFor(error);
    this.#opening.reject(error);
  }

  /** Gives why nothing can come any more; undefined when the stream was given up because nothing came. */
  async #followOnce(): Promise<SpiffeError | undefined> {
    const { client } = this.#settings;
    const silence = new AbortController();
    this.#silence = silence;
    try {
      await client.watchX509Context(
        { onUpdate: (message) => this.#take(message), onError: (trouble) => this.#onError(trouble) },
        { signal: AbortSignal.any([this.closed, silence.signal]) },
      );
    } catch (cause) {
      return asSpiffeError(cause);
    }
    if (silence.signal.aborted) return undefined;
    return new SpiffeError('ERR_WORKLOAD_API_CLOSED', 'the client was closed');
  }

  /** Takes in a good message: everything until the publication happens at once. */
  #take(message: WorkloadX509Context): void {
    const { picker, clock } = this.#settings;
    this.#message = message;
    this.#pendingTimer?.clear();
    const now = clock.now();
    const latest = this.#cell.latest;
    try {
      const picked = picker.pick(message.svids);
      if (picked === undefined) {
        this.#troubles.clear();
        this.#withdraw(this.#nothingPicked(message));
        return;
      }
      const svid = latest !== undefined && isSameSvid(picked, latest.svid) ? latest.svid : picked;
      const unfit = svid === latest?.svid ? undefined : unfitness(svid, message, now);
      // The bundles count at once, also where the SVID has to wait.
      const usable = unfit === undefined ? svid : latest?.svid;
      if (usable !== undefined) this.#publish(usable, message);
      if (unfit === undefined) this.#troubles.clear();
      else this.#onError(unfit);
      if (unfit?.code === 'ERR_SVID_NOT_YET_VALID') {
        this.#pendingTimer = this.#wake(beginsAt(svid), () => this.#take(message));
      }
    } catch (error) {
      this.#onError(asSpiffeError(error));
    }
  }

  #publish(svid: X509Svid, message: WorkloadX509Context): void {
    const latest = this.#cell.latest;
    const isSame = latest?.bundles.equals(message.bundles) === true;
    // Workload API, appendix A: a message that changes nothing is no reason to reload.
    if (isSame && latest?.svid === svid) return;
    const bundles = isSame ? latest.bundles : message.bundles;
    this.#times = healthTimes(svid);
    this.#cell.publish({ svid, bundles }, this.#wasEmptied ? 'recovery' : reasonFor(svid, latest));
    this.#wasEmptied = false;
    this.#setStatus();
    this.#opening.resolve();
  }

  #onError(error: SpiffeError): void {
    if (this.closed.aborted) return;
    this.#troubles.add(error);
    this.#withdrawFor(error);
    this.#answered();
  }

  #withdrawFor(error: SpiffeError): void {
    if (!withdraws(error, this.#settings.keepUntilExpiry)) return;
    this.#message = undefined;
    const before = this.#cell.latest === undefined ? '' : 'the identity was withdrawn: ';
    this.#withdraw(
      new SpiffeError('ERR_SOURCE_EMPTY', `${before}${error.message}`, {
        cause: error,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      }),
    );
  }

  #withdraw(error: SpiffeError): void {
    this.#pendingTimer?.clear();
    if (this.#cell.latest !== undefined) this.#wasEmptied = true;
    this.#cell.withdraw(error, 'withdrawn');
    this.#setStatus();
    this.#answered();
  }

  /** An answer came that is of no use. */
  #answered(): void {
    if (this.#settings.waitMs === 0) this.#opening.reject(this.#timeout(0));
  }

  #nothingPicked({ svids }: WorkloadX509Context): SpiffeError {
    const given = svids.map(({ id, hint }) =>
      hint !== undefined && PLAIN_HINT.test(hint) ? `${id.toString()} (hint "${hint}")` : id.toString(),
    );
    return new SpiffeError(
      'ERR_SOURCE_EMPTY',
      `want ${this.#settings.picker.wanted} from the agent at ${this.address}, got ${given.join(', ')}`,
      { hint: 'Check option pick, and the registrations of this workload with their hints.' },
    );
  }

  #timeout(waitMs: number): SpiffeError {
    const { latest } = this.#troubles;
    // Without a message, what the cell says is only that there has been none.
    const reason = latest ?? (this.#message === undefined ? undefined : this.#cell.failure);
    const saw = reason?.message ?? `the agent at ${this.address} took the call and has sent nothing`;
    const when = waitMs === 0 ? 'with the first answer' : `within ${waitMs} ms`;
    return new SpiffeError('ERR_SOURCE_TIMEOUT', `no identity ${when}: ${saw}`, {
      hint: reason?.hint ?? 'The agent is overloaded or hangs. Look at its log.',
      ...(reason === undefined ? {} : { cause: reason }),
    });
  }

  *#problems(status: HealthStatus): Iterable<string> {
    const { failure } = this.#cell;
    if (failure !== undefined) yield failure.message;
    if (this.#troubles.text !== undefined) yield this.#troubles.text;
    if (status === 'overdue' || status === 'critical') {
      yield `the SVID should have been renewed by now (health ${status}): see whether the agent reaches its server`;
    }
    if (this.#end !== undefined) {
      yield `${this.#end.message}. Nothing new comes from the agent until this process opens the source again.`;
    }
  }

  #currentStatus(now: number = this.#settings.clock.now()): HealthStatus {
    if (this.#cell.latest === undefined || this.#times === undefined) return 'expired';
    return statusAt(this.#times, now);
  }

  #setStatus(): void {
    const now = this.#settings.clock.now();
    const status = this.#currentStatus(now);
    const next = this.#times === undefined ? undefined : nextHealthTime(this.#times, now);
    this.#healthTimer?.clear();
    if (status !== 'expired' && next !== undefined) {
      this.#healthTimer = this.#wake(next, () => this.#setStatus());
    }
    if (status === this.#status) return;
    this.#status = status;
    publish('svidkit:source.health', () => ({ source: this, health: this.health() }));
    // A renewal should have come by now. Perhaps the stream is dead, and nobody has said so.
    if (status === 'overdue' || status === 'critical') this.#silence.abort();
  }

  #wake(at: number, then: () => void): Timer {
    const { clock } = this.#settings;
    const timer = clock.setTimer(then, Math.max(0, at - clock.now()));
    timer.unref();
    return timer;
  }

  #tell(error: SpiffeError): void {
    publish('svidkit:source.error', () => ({ source: this, error }));
  }
}

/** Why an SVID cannot be used now; undefined when it can. */
function unfitness(svid: X509Svid, { bundles }: WorkloadX509Context, now: number): SpiffeError | undefined {
  try {
    judgeSvid(svid, bundles.get(svid.id.trustDomain), now);
    return undefined;
  } catch (error) {
    return asSpiffeError(error);
  }
}

function reasonFor(svid: X509Svid, latest: X509Context | undefined): string {
  if (latest === undefined) return 'first load';
  if (svid === latest.svid) return 'bundles';
  return svid.id.equals(latest.svid.id) ? 'rotation' : 'identity changed';
}
