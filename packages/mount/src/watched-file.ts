import { type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';

import { publish, SpiffeError, type SpiffeErrorCode } from '@svidkit/core';

import { FileProblems } from './file-problems.ts';
import { errnoOf } from './mount-error.ts';
import { type MountFs } from './mount-fs.ts';
import { type MountPorts } from './mount-ports.ts';
import { type MountedPolicyFile, type PolicyFileHealth } from './mounted-policy-file.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { isWritableByOthers, permissionProblems, type PermissionSubject } from './permissions.ts';
import { type FileKind, type PolicyFileSettings } from './policy-file-options.ts';
import { type FilePurpose, GenerationReader } from './read-generation.ts';
import { type Chain, ChainResolver } from './resolve-chain.ts';
import { nextPoll, retryDelay } from './schedule.ts';
import { StaleDiagnosis, staleMount } from './stale-mount.ts';
import { WakeTimer } from './wake-timer.ts';
import { WatchHints, type WatchMode } from './watch-hints.ts';

/** As much as the parsers of core take. */
const MOST_BYTES = 1024 * 1024;
/** How long after a hint it is looked: a writer has more to do than the first event tells. */
const HINT_PAUSE_MS = 50;

const PURPOSES: Readonly<Record<FileKind, FilePurpose>> = {
  'deny-list': 'a deny list',
  'migration-policy': 'a migration policy',
  'jwt-svid': 'a JWT-SVID',
  'jwt-bundle': 'a JWT bundle',
};
/** What a file is called whose bytes are no text. */
const INVALID: Readonly<Record<FileKind, SpiffeErrorCode>> = {
  'deny-list': 'ERR_POLICY_INVALID',
  'migration-policy': 'ERR_POLICY_INVALID',
  'jwt-svid': 'ERR_JWT_MALFORMED',
  'jwt-bundle': 'ERR_BUNDLE_INVALID',
};

/**
 * Puts a new text into use, or throws what is wrong with it and leaves all as it was.
 *
 * @returns what is odd about it but no obstacle, if anything.
 */
type Take = (text: string) => readonly SpiffeError[] | void;

/**
 * A small text file that is followed while it is replaced. What cannot be used never replaces what is in use; a file
 * that a writer may still be busy with is read again before it counts as bad.
 */
export class WatchedFile implements MountedPolicyFile {
  readonly file: string;
  readonly closed: AbortSignal;
  readonly #settings: PolicyFileSettings;
  readonly #ports: MountPorts;
  readonly #purpose: FilePurpose;
  readonly #take: Take;
  readonly #closing = new AbortController();
  readonly #hints: WatchHints;
  readonly #timer: WakeTimer;
  readonly #looks = new OneAtATime(() => this.#run());
  readonly #problems: FileProblems;
  readonly #stale = new StaleDiagnosis();
  #opening: PromiseWithResolvers<void> | undefined;
  #fs: MountFs | undefined;
  #fsMarks = '';
  #chain: Chain | undefined;
  /** Whether the state of `#chain` was read for good, so that only another one is worth reading. */
  #isSettled = false;
  /** What is in use; undefined before there was anything that could be used. */
  #text: string | undefined;
  /** What is odd about it. */
  #oddities: readonly SpiffeError[] = [];
  #loadedAt: number | undefined;
  /** When to look because of a hint, in milliseconds since the Unix epoch. */
  #hintedAt = Infinity;

  constructor(settings: PolicyFileSettings, ports: MountPorts, take: Take) {
    const { clock } = settings;
    this.file = settings.file;
    this.closed = this.#closing.signal;
    this.#settings = settings;
    this.#ports = ports;
    this.#purpose = PURPOSES[settings.kind];
    this.#take = take;
    this.#problems = new FileProblems((error) => this.#tell(error));
    this.#timer = new WakeTimer(clock, () => void this.check());
    this.#hints = new WatchHints(
      settings.watch ? ports.watches : undefined,
      () => this.#onHint(),
      () => clock.now(),
      ports.random,
    );
  }

  /**
   * Waits until the file can be used, or until it is clear that it cannot.
   *
   * @throws {@link SpiffeError} why it cannot, unless there is a fallback; and the reason of the signal.
   */
  async open(): Promise<void> {
    const { clock, signal, waitMs } = this.#settings;
    signal?.throwIfAborted();
    const opening = Promise.withResolvers<void>();
    this.#opening = opening;
    const onAbort = (): void => opening.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const deadline = waitMs === 0 ? undefined : clock.setTimer(() => this.#giveUp(), waitMs);
    try {
      void this.check();
      await opening.promise;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#opening = undefined;
      deadline?.clear();
      signal?.removeEventListener('abort', onAbort);
      this.#timer.unref();
    }
  }

  get lastError(): SpiffeError | undefined {
    return this.#problems.error;
  }

  health(): PolicyFileHealth {
    return Object.freeze({
      status: this.#status(),
      loadedAt: this.#loadedAt,
      lastError: this.lastError,
      problems: Object.freeze([...this.#describeProblems()]),
    });
  }

  watchMode(): WatchMode {
    return this.#hints.mode;
  }

  check(): Promise<void> {
    return this.closed.aborted ? Promise.resolve() : this.#looks.ask();
  }

  async close(): Promise<void> {
    if (this.closed.aborted) return;
    this.#timer.clear();
    this.#hints.close();
    this.#closing.abort(new SpiffeError('ERR_SOURCE_CLOSED', `${this.file} is not followed any more`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One look and all that follows from it. Never rejects. */
  async #run(): Promise<void> {
    if (this.closed.aborted) return;
    this.#hintedAt = Infinity;
    try {
      await this.#look();
    } catch (error) {
      if (!this.closed.aborted) this.#fail(asSpiffeError(error, this.file));
    }
    if (!this.closed.aborted) await this.#diagnose();
    if (!this.closed.aborted) this.#schedule();
  }

  async #look(): Promise<void> {
    const fs = this.#fs ?? this.#ports.slowFs;
    const chain = await this.#resolve(fs);
    if (this.closed.aborted) return;
    const isNew = chain.signature !== this.#chain?.signature;
    this.#chain = chain;
    if (!isNew && this.#isSettled) return;
    // Two writes within one tick of the file system's clock can look alike, so a new state is read twice: now and
    // with the next look.
    this.#isSettled = false;
    const reader = new GenerationReader({ chains: new Map([[this.file, chain]]) }, fs, MOST_BYTES);
    const { bytes, stats } = await reader.read(this.file, this.#purpose);
    const warnings = await this.#judgePermissions(stats, chain, fs);
    if (this.closed.aborted) return;
    this.#accept(this.#decode(bytes), warnings);
    this.#isSettled = !isNew;
  }

  /** Finds out where the file is now, and watches the way there. */
  async #resolve(fs: MountFs): Promise<Chain> {
    const resolver = new ChainResolver(fs);
    const chain = await resolver.resolve(this.file);
    const directories = new Map<string, string>();
    for (const directory of chain.directories) directories.set(directory, await resolver.mark(directory));
    if (this.closed.aborted) return chain;
    this.#hints.arm(directories, this.#settings.clock.now());
    const marks = [...directories].join();
    // Something else may be mounted there now.
    if (marks !== this.#fsMarks) this.#fs = await this.#ports.chooseFs(directories.keys());
    this.#fsMarks = marks;
    return chain;
  }

  /**
   * What is loose about the permissions on the way to the file.
   *
   * @throws {@link SpiffeError} `ERR_MOUNT_PERMISSIONS` when anybody may write the file itself.
   */
  async #judgePermissions(stats: BigIntStats, chain: Chain, fs: MountFs): Promise<readonly SpiffeError[]> {
    const subjects: PermissionSubject[] = [
      { path: this.file, stats, kind: this.#settings.kind === 'jwt-svid' ? 'token' : 'file' },
    ];
    for (const path of new Set([...chain.directories, dirname(chain.realPath)])) {
      try {
        subjects.push({ path, stats: await fs.lstat(path), kind: 'directory' });
      } catch {
        // Gone meanwhile: the next look notices that.
      }
    }
    const problems = permissionProblems(subjects, this.#ports.uid, this.#purpose.replace(/^a /, 'the '));
    const [first] = problems;
    if (first?.file === this.file && isWritableByOthers(stats)) throw first;
    return problems;
  }

  #accept(text: string, warnings: readonly SpiffeError[]): void {
    const isChange = text !== this.#text;
    if (isChange) this.#oddities = this.#take(text) ?? [];
    const isNews = isChange || this.lastError !== undefined;
    this.#problems.clear([...this.#oddities, ...warnings]);
    this.#text = text;
    if (isChange) this.#loadedAt = this.#settings.clock.now();
    if (this.#opening !== undefined) this.#opening.resolve();
    else if (isNews) this.#publishUpdate();
  }

  #decode(bytes: Uint8Array): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new SpiffeError(
        INVALID[this.#settings.kind],
        `${this.#purpose}: want text in UTF-8, got other bytes`,
        { hint: 'Correct the document; what is in use stays in use until then.', cause },
      );
    }
  }

  /** Of policies; whoever reads other things tells about them. */
  #publishUpdate(): void {
    const { kind } = this.#settings;
    if (kind === 'jwt-svid' || kind === 'jwt-bundle') return;
    publish('svidkit:policy.update', () => ({ file: this.file, kind }));
  }

  #fail(error: SpiffeError): void {
    const isOpening = this.#opening !== undefined;
    const { waitMs, clock } = this.#settings;
    // Where nothing is there yet, no writer is busy with it.
    const isMissing = isOpening && waitMs === 0 && error.code === 'ERR_MOUNT_NOT_FOUND';
    const isSure = this.#problems.note(error, this.#chain?.signature, clock.now(), isMissing);
    this.#isSettled = isSure && this.#problems.isOfContent;
    if (isSure && isOpening && waitMs === 0) this.#giveUp();
  }

  /** Ends the opening without a file. */
  #giveUp(): void {
    if (this.#settings.hasFallback) this.#opening?.resolve();
    else this.#opening?.reject(this.#problems.latest ?? noAnswer(this.file, this.#purpose));
  }

  /** Looks now and then whether the mount is one that never changes: nothing else would ever tell. */
  async #diagnose(): Promise<void> {
    const { file } = this;
    if (this.#chain === undefined || !this.#stale.isDue(this.#settings.clock.now())) return;
    const plan = { directory: dirname(file), identity: { credentialBundle: file } };
    const observation = { chains: new Map([[file, this.#chain]]) };
    const table = await this.#ports.readMountTable();
    const error = await staleMount(plan, observation, this.#fs ?? this.#ports.slowFs, table);
    if (this.#stale.note(error) && error !== undefined && !this.closed.aborted) this.#tell(error);
  }

  #schedule(): void {
    const { clock, pollIntervalMs } = this.#settings;
    const { random } = this.#ports;
    const now = clock.now();
    const { failures } = this.#problems;
    this.#timer.clear();
    this.#timer.by(nextPoll(now, pollIntervalMs, random));
    this.#timer.by(this.#hintedAt);
    if (failures > 0 && !this.#isSettled) this.#timer.by(now + retryDelay(failures, random));
  }

  #onHint(): void {
    if (this.closed.aborted) return;
    // The first of many counts: a stream of events must not put the look off.
    if (this.#hintedAt === Infinity) this.#hintedAt = this.#settings.clock.now() + HINT_PAUSE_MS;
    if (!this.#looks.isBusy) this.#timer.by(this.#hintedAt);
  }

  #status(): PolicyFileHealth['status'] {
    if (this.closed.aborted) return 'closed';
    if (this.#text === undefined) return 'fallback';
    return this.lastError === undefined ? 'current' : 'last-good';
  }

  *#describeProblems(): Iterable<string> {
    if (this.closed.aborted) yield `${this.file} is not followed any more: it is closed`;
    for (const { message, hint } of [...this.#problems.all, this.#stale.found].filter(
      (one) => one !== undefined,
    )) {
      yield hint === undefined ? message : `${message}. ${hint}`;
    }
    if (this.#hints.error !== undefined) {
      yield `no events of the file system (${errnoOf(this.#hints.error)}): changes are found by polling alone`;
    }
  }

  #tell(error: SpiffeError): void {
    publish('svidkit:source.error', () => ({ source: undefined, error }));
  }
}

/** Names the file where that is missing. What is no {@link SpiffeError} is a defect of the reader. */
function asSpiffeError(error: unknown, file: string): SpiffeError {
  if (!(error instanceof SpiffeError)) {
    return new SpiffeError('ERR_MOUNT_UNREADABLE', `reading ${file} failed unexpectedly: ${String(error)}`, {
      hint: 'This is a defect of the reader. Please report it with the cause of this error.',
      file,
      cause: error,
    });
  }
  if (error.file !== undefined) return error;
  const { code, message, hint } = error;
  return new SpiffeError(code, `${message} in ${file}`, {
    file,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function noAnswer(file: string, purpose: FilePurpose): SpiffeError {
  return new SpiffeError(
    'ERR_MOUNT_UNREADABLE',
    `want ${purpose} in ${file}, got no answer of the file system in time`,
    {
      hint: 'Look at the volume and at the log of its node.',
      file,
    },
  );
}
