import {
  type HealthStatus,
  publish,
  SourceCell,
  type SourceHealth,
  type SpiffeError,
  type X509Context,
} from '@svidkit/core';

import { Alarms, isTransient } from './alarms.ts';
import { asSpiffeError } from './as-spiffe-error.ts';
import { Candidates } from './candidates.ts';
import { directoriesOf, type MountPlan } from './detect.ts';
import { Glance } from './glance.ts';
import { healthReport } from './health-report.ts';
import { HintDebounce } from './hint-debounce.ts';
import { distrust } from './identity-state.ts';
import { Intake } from './intake.ts';
import { type LayoutName } from './layout.ts';
import { look, type Look } from './look.ts';
import { directFs, type MountFs } from './mount-fs.ts';
import { type MountSettings } from './mount-options.ts';
import { type MountPorts } from './mount-ports.ts';
import { type MountedX509Source } from './mounted-x509-source.ts';
import { type Observation, observe } from './observe.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { fastPollDelay, nextPoll, retryDelay } from './schedule.ts';
import { StaleDiagnosis, staleMount } from './stale-mount.ts';
import { WakeTimer } from './wake-timer.ts';
import { WatchHints, type WatchMode } from './watch-hints.ts';

/** The reader of one mount: looks, and knows when to look again. What comes of a look is up to its {@link Intake}. */
export class MountedSource implements MountedX509Source {
  readonly closed: AbortSignal;
  readonly #settings: MountSettings;
  readonly #ports: MountPorts;
  readonly #cell: SourceCell;
  readonly #hints: WatchHints;
  readonly #timer: WakeTimer;
  readonly #alarms: Alarms;
  readonly #intake: Intake;
  readonly #candidates: Candidates;
  readonly #debounce: HintDebounce;
  readonly #glance = new Glance();
  readonly #stale = new StaleDiagnosis();
  #opening: PromiseWithResolvers<void> | undefined;
  #plan: MountPlan | undefined;
  /** The plan of the look that is going on, be it the one to stay with or not. */
  #tried: MountPlan | undefined;
  #fs: MountFs | undefined;
  #fsMarks = '';
  #swap: Observation['swap'];
  /** The signature of what was read last, whatever came of it. */
  #readSignature: string | undefined;
  #failures = 0;
  #seenSignature: string | undefined;
  #failedSignature: string | undefined;
  /** When it has to read again although nothing has changed; in milliseconds since the Unix epoch. */
  #readAt = Infinity;
  #status: HealthStatus = 'expired';
  readonly #looks = new OneAtATime(() => this.#run());

  constructor(settings: MountSettings, ports: MountPorts) {
    const { clock } = settings;
    this.#settings = settings;
    this.#ports = ports;
    this.#cell = new SourceCell({ source: () => this, clock });
    this.closed = this.#cell.closed;
    this.#hints = new WatchHints(
      settings.watch ? ports.watches : undefined,
      () => this.#onHint(),
      () => clock.now(),
      ports.random,
    );
    this.#timer = new WakeTimer(clock, () => this.#onWake());
    this.#alarms = new Alarms((error) => this.#tell(error));
    this.#intake = new Intake(settings, this.#cell, () => this.#stale.note(undefined));
    this.#candidates = new Candidates(settings);
    this.#debounce = new HintDebounce(clock, settings.debounceMs);
  }

  /**
   * Waits for the first identity.
   *
   * @throws {@link SpiffeError} `ERR_SOURCE_TIMEOUT`; and the reason of the signal.
   */
  async open(): Promise<void> {
    const { clock, signal, waitMs } = this.#settings;
    signal?.throwIfAborted();
    const opening = Promise.withResolvers<void>();
    this.#opening = opening;
    const onAbort = (): void => opening.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const deadline = clock.setTimer(() => {
      if (waitMs > 0) opening.reject(this.#candidates.timeout(waitMs));
    }, waitMs);
    try {
      const firstLook = this.check();
      if (waitMs > 0) await opening.promise;
      else await Promise.race([opening.promise, firstLook]);
      if (this.#cell.latest === undefined) throw this.#candidates.timeout(waitMs);
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#opening = undefined;
      deadline.clear();
      signal?.removeEventListener('abort', onAbort);
      this.#timer.unref();
    }
  }

  get layout(): LayoutName {
    return this.#plan?.layout ?? this.#settings.layout ?? 'explicit';
  }

  get directory(): string {
    return this.#plan?.directory ?? this.#settings.directories[0] ?? '/';
  }

  get current(): X509Context {
    return this.#cell.current;
  }

  get fallbackInUse(): boolean {
    return this.#intake.identities.isFallback;
  }

  get chainVerified(): boolean {
    const context = this.#cell.latest;
    const { clock } = this.#settings;
    return context !== undefined && distrust(context.svid, context.bundles, clock.now()) === undefined;
  }

  watchMode(): WatchMode {
    return this.#hints.mode;
  }

  onUpdate(listener: (context: X509Context | undefined) => void): Disposable {
    return this.#cell.onUpdate(listener);
  }

  check(): Promise<void> {
    if (this.closed.aborted) return Promise.resolve();
    return this.#looks.ask();
  }

  health(): SourceHealth {
    const context = this.#cell.latest;
    return healthReport({
      status: this.#currentStatus(),
      unreadyAt: this.#settings.unreadyAt,
      context,
      failure: this.#cell.failure,
      alarms: this.#alarms,
      stale: this.#stale.found,
      isFallback: this.fallbackInUse,
      watchError: this.#hints.error,
    });
  }

  async close(): Promise<void> {
    this.#timer.clear();
    this.#hints.close();
    this.#cell.close();
    this.#setStatus();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One look and all that follows from it. Never rejects. */
  async #run(): Promise<void> {
    if (this.closed.aborted) return;
    const { clock } = this.#settings;
    const noticedAt = this.#debounce.take() ?? clock.now();
    this.#tried = undefined;
    try {
      // What the files hold is judged differently after it.
      if (this.#intake.fallBack()) this.#readSignature = undefined;
      await this.#lookOnce(noticedAt);
    } catch (error) {
      if (!this.closed.aborted) this.#failed(asSpiffeError(error));
    }
    if (this.closed.aborted) return;
    await this.#diagnose();
    if (this.closed.aborted) return;
    this.#setStatus();
    this.#schedule();
  }

  async #lookOnce(noticedAt: number): Promise<void> {
    const settings = this.#settings;
    if (this.#plan === undefined) this.#fs = undefined;
    const plan = this.#plan ?? (await this.#detect());
    this.#tried = plan;
    const fs = (this.#fs ??= await this.#ports.chooseFs(directoriesOf(plan)));
    const seen = await look({
      plan,
      fs,
      settings,
      identities: this.#intake.identities,
      uid: this.#ports.uid,
      onObserved: (observation) => this.#onObserved(observation),
      isDue: (observation) =>
        observation.signature !== this.#readSignature ||
        settings.clock.now() >= this.#readAt ||
        this.#cell.latest === undefined ||
        this.#alarms.errors.some(isTransient),
    });
    if (seen !== undefined && !this.closed.aborted) this.#take(plan, seen, noticedAt);
  }

  async #detect(): Promise<MountPlan> {
    const { plan, directories } = await this.#candidates.look(this.#ports.slowFs);
    if (plan !== undefined) return plan;
    if (!this.closed.aborted) this.#hints.arm(directories, this.#settings.clock.now());
    throw this.#candidates.error();
  }

  #onObserved(observation: Observation): void {
    if (this.closed.aborted) return;
    this.#seenSignature = observation.signature;
    this.#swap = observation.swap;
    this.#hints.arm(observation.directories, this.#settings.clock.now());
    // Something else may be mounted there now.
    const marks = [...observation.directories].join();
    if (marks !== this.#fsMarks && this.#fsMarks !== '') this.#fs = undefined;
    this.#fsMarks = marks;
    // Where names in the directory matter, only a whole look sees a new one.
    if (this.#plan === undefined || this.#plan.bundleSuffixes.length > 0) this.#glance.forget();
    else this.#glance.remember(observation);
  }

  /** Takes in what was read: everything from here to the publication happens at once. */
  #take(plan: MountPlan, seen: Look, noticedAt: number): void {
    const now = this.#settings.clock.now();
    this.#readSignature = seen.observation.signature;
    const { errors, warnings, readAt, isInUse } = this.#intake.take(seen, now, noticedAt);
    this.#readAt = readAt;
    if (isInUse) this.#plan = plan;
    this.#candidates.saw(plan, errors[0]);
    this.#settle(errors, warnings, now);
    if (this.#cell.latest !== undefined) this.#opening?.resolve();
  }

  #failed(error: SpiffeError): void {
    const now = this.#settings.clock.now();
    if (this.#tried !== undefined) this.#candidates.saw(this.#tried, error);
    this.#settle([error], undefined, now);
  }

  #settle(errors: readonly SpiffeError[], warnings: readonly SpiffeError[] | undefined, now: number): void {
    // What moves is being written: start over with quick retries.
    const hasMoved = this.#seenSignature !== this.#failedSignature;
    if (!errors.some(isTransient)) this.#failures = 0;
    else this.#failures = hasMoved ? 1 : this.#failures + 1;
    this.#failedSignature = this.#seenSignature;
    this.#alarms.update(errors, warnings, now);
  }

  /** Looks for reasons why nothing comes any more, when nothing comes any more. */
  async #diagnose(): Promise<void> {
    const now = this.#settings.clock.now();
    const isSuspect =
      this.#currentStatus(now) !== 'fresh' || this.#alarms.errors[0]?.code === 'ERR_MOUNT_NOT_FOUND';
    if (!isSuspect || this.#plan === undefined || !this.#stale.isDue(now)) return;
    const fs = this.#fs ?? this.#ports.slowFs;
    const table = await this.#ports.readMountTable();
    const error = await staleMount(this.#plan, await observe(this.#plan, fs), fs, table);
    if (this.#stale.note(error) && error !== undefined && !this.closed.aborted) this.#tell(error);
  }

  #currentStatus(now: number = this.#settings.clock.now()): HealthStatus {
    return this.#intake.status(now);
  }

  #setStatus(): void {
    const status = this.#currentStatus();
    if (status === this.#status) return;
    this.#status = status;
    publish('svidkit:source.health', () => ({ source: this, health: this.health() }));
  }

  #schedule(): void {
    const { clock, pollIntervalMs } = this.#settings;
    const { random } = this.#ports;
    const now = clock.now();
    const isUneasy = this.#alarms.errors.length > 0 || this.#currentStatus(now) !== 'fresh';
    this.#timer.clear();
    this.#timer.by(nextPoll(now, pollIntervalMs, random));
    if (isUneasy) this.#timer.by(now + fastPollDelay(random));
    if (this.#failures > 0) this.#timer.by(now + retryDelay(this.#failures, random));
    for (const at of [
      this.#readAt,
      this.#intake.identities.fallbackAt,
      this.#intake.nextStatusAt(now),
      this.#debounce.dueAt,
    ]) {
      if (at !== undefined) this.#timer.by(at);
    }
  }

  #onWake(): void {
    const now = this.#settings.clock.now();
    const { dueAt } = this.#debounce;
    // Events still come: wait until it is quiet, but not for ever.
    if (dueAt !== undefined && now < dueAt) this.#timer.by(dueAt);
    else if (dueAt === undefined && this.#isCalm(now)) void this.#pollCalmly();
    else void this.check();
  }

  /** Whether nothing is to be expected or to be done but a change of the files. */
  #isCalm(now: number): boolean {
    const isDue = now >= this.#readAt || now >= (this.#intake.identities.fallbackAt ?? Infinity);
    return !isDue && this.#alarms.errors.length === 0 && this.#currentStatus(now) === 'fresh';
  }

  async #pollCalmly(): Promise<void> {
    const isUnchanged = this.#fs !== undefined && (await this.#glance.isUnchanged(this.#fs));
    if (this.closed.aborted || this.#looks.isBusy) return;
    if (isUnchanged) this.#schedule();
    else await this.check();
  }

  #onHint(): void {
    if (this.closed.aborted) return;
    const isEarly = this.#debounce.hint();
    const { dueAt } = this.#debounce;
    if (dueAt !== undefined) this.#timer.by(dueAt);
    if (isEarly) this.#lookIfSwapped();
  }

  /** A swapped `..data` link is whole from the first moment, so there is nothing to wait for. */
  #lookIfSwapped(): void {
    if (this.#swap === undefined || this.#fs !== directFs || this.#looks.isBusy) return;
    try {
      if (directFs.readlink(this.#swap.link) !== this.#swap.target) void this.check();
    } catch {
      // The look that is due soon finds out what happened.
    }
  }

  #tell(error: SpiffeError): void {
    publish('svidkit:source.error', () => ({ source: this, error }));
  }
}
