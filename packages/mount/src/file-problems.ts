import { type SpiffeError, type SpiffeErrorCode } from '@svidkit/core';

import { isTransient } from './alarms.ts';

/** How long a bad state has to stand still before it counts: the quick retries have failed by then. */
const STILL_MS = 350;
/** How long a file that never stands still may be bad before that counts. */
const PATIENCE_MS = 2_000;
/** How many problems are told before the file has been good again: a writer without rest must not flood the log. */
const MOST_TOLD = 16;

/** What a writer at work can explain, and what is wrong with the file when none is. */
const OF_CONTENT: ReadonlySet<SpiffeErrorCode> = new Set<SpiffeErrorCode>([
  'ERR_POLICY_INVALID',
  'ERR_JWT_MALFORMED',
  'ERR_BUNDLE_INVALID',
]);

/** What is wrong with one file: what counts, and what may only be a writer at work. Each problem is told once. */
export class FileProblems {
  readonly #tell: (error: SpiffeError) => void;
  readonly #told = new Set<string>();
  #toldWarnings = new Set<string>();
  #warnings: readonly SpiffeError[] = [];
  #error: SpiffeError | undefined;
  #latest: SpiffeError | undefined;
  #failures = 0;
  #state: string | undefined;
  #stillSince = 0;
  #badSince = 0;

  /** @param tell - takes what is new. */
  constructor(tell: (error: SpiffeError) => void) {
    this.#tell = tell;
  }

  /** What counts; undefined while nothing does. */
  get error(): SpiffeError | undefined {
    return this.#error;
  }

  /** What was seen last, whether it counts or not. */
  get latest(): SpiffeError | undefined {
    return this.#latest;
  }

  /** What counts, and the warnings. */
  get all(): readonly SpiffeError[] {
    return this.#error === undefined ? this.#warnings : [this.#error, ...this.#warnings];
  }

  /** How often in a row the same state was bad. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether the latest problem is one of the file itself, which stays as long as the file is as it is. */
  get isOfContent(): boolean {
    return this.#latest !== undefined && (!isTransient(this.#latest) || OF_CONTENT.has(this.#latest.code));
  }

  /** The file is good, but for `warnings`. */
  clear(warnings: readonly SpiffeError[]): void {
    this.#told.clear();
    this.#error = undefined;
    this.#latest = undefined;
    this.#failures = 0;
    this.#state = undefined;
    for (const warning of warnings) if (!this.#toldWarnings.has(warning.message)) this.#tell(warning);
    this.#toldWarnings = new Set(warnings.map(({ message }) => message));
    this.#warnings = warnings;
  }

  /**
   * The file is bad.
   *
   * @param state - equal when nothing has changed since.
   * @param now - milliseconds since the Unix epoch.
   * @param isCertain - whether no writer can be at work.
   * @returns whether it counts.
   */
  note(error: SpiffeError, state: string | undefined, now: number, isCertain: boolean): boolean {
    if (this.#failures === 0) this.#badSince = now;
    const isStill = this.#failures > 0 && state === this.#state;
    if (!isStill) this.#stillSince = now;
    this.#failures = isStill ? this.#failures + 1 : 1;
    this.#state = state;
    this.#latest = error;
    // Some writers set the permissions last.
    const isPerhapsWriting = isTransient(error) || error.code === 'ERR_MOUNT_PERMISSIONS';
    const isSure =
      isCertain ||
      !isPerhapsWriting ||
      now - this.#stillSince >= STILL_MS ||
      now - this.#badSince >= PATIENCE_MS;
    if (!isSure) return false;
    this.#error = error;
    const key = `${error.code} ${error.message}`;
    if (!this.#told.has(key) && this.#told.size < MOST_TOLD) {
      this.#told.add(key);
      this.#tell(error);
    }
    return true;
  }
}
