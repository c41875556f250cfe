import { SpiffeError, type SpiffeErrorCode } from '@svidkit/core';

/** What a file can show while it is being written. It is news only when it stays. */
const TRANSIENT: ReadonlySet<SpiffeErrorCode> = new Set<SpiffeErrorCode>([
  'ERR_MOUNT_NOT_FOUND',
  'ERR_MOUNT_UNREADABLE',
  'ERR_MOUNT_TORN',
  'ERR_PEM_INVALID',
  'ERR_SVID_CERTIFICATE_INVALID',
  'ERR_SVID_KEY_INVALID',
  'ERR_SVID_KEY_MISMATCH',
  'ERR_BUNDLE_INVALID',
  'ERR_BUNDLE_EMPTY',
  'ERR_POLICY_INVALID',
  'ERR_JWT_MALFORMED',
]);

/** How long a state that writing can explain has to stay before it is told: all quick retries have failed then. */
const PATIENCE_MS = 2_000;
/** How long certificate and key may belong to two generations before that is an alarm of its own. */
const MISMATCH_MS = 60_000;

interface Alarm {
  readonly error: SpiffeError;
  readonly since: number;
  readonly told: boolean;
}

/** Whether the next look may find it gone without any change of the files' signature. */
export function isTransient({ code }: SpiffeError): boolean {
  return TRANSIENT.has(code);
}

/** What is wrong now, each told once for as long as it lasts. */
export class Alarms {
  readonly #tell: (error: SpiffeError) => void;
  #errors = new Map<string, Alarm>();
  #warnings = new Map<string, Alarm>();
  #isMismatchTold = false;

  /** @param tell - takes what is new. */
  constructor(tell: (error: SpiffeError) => void) {
    this.#tell = tell;
  }

  /** What stands in the way of the files, the most important first. */
  get errors(): readonly SpiffeError[] {
    return [...this.#errors.values()].map(({ error }) => error);
  }

  /** All of it in words. */
  get problems(): readonly string[] {
    return [...this.#errors.values(), ...this.#warnings.values()].map(({ error }) =>
      error.hint === undefined ? error.message : `${error.message}. ${error.hint}`,
    );
  }

  /** Replaces what is wrong, as seen at `now`. Without `warnings`, they stay as they were. */
  update(errors: readonly SpiffeError[], warnings: readonly SpiffeError[] | undefined, now: number): void {
    this.#errors = this.#merge(this.#errors, errors, now);
    if (warnings !== undefined) this.#warnings = this.#merge(this.#warnings, warnings, now, true);
    this.#tellMismatch(now);
  }

  #merge(
    before: ReadonlyMap<string, Alarm>,
    errors: readonly SpiffeError[],
    now: number,
    areWarnings = false,
  ): Map<string, Alarm> {
    const alarms = new Map<string, Alarm>();
    for (const error of errors) {
      // The messages of errors can hold the time.
      const key = areWarnings ? error.message : `${error.code} ${error.file ?? ''}`;
      const patienceMs = !areWarnings && isTransient(error) ? PATIENCE_MS : 0;
      if (alarms.has(key)) continue;
      const known = before.get(key);
      const since = known?.since ?? now;
      const isNews = known?.told !== true && now - since >= patienceMs;
      if (isNews) this.#tell(error);
      alarms.set(key, { error, since, told: isNews || known?.told === true });
    }
    return alarms;
  }

  #tellMismatch(now: number): void {
    const mismatch = [...this.#errors.values()].find(({ error }) => error.code === 'ERR_SVID_KEY_MISMATCH');
    if (mismatch === undefined) {
      this.#isMismatchTold = false;
      return;
    }
    if (this.#isMismatchTold || now - mismatch.since <= MISMATCH_MS) return;
    this.#isMismatchTold = true;
    const { error } = mismatch;
    this.#tell(
      new SpiffeError(error.code, `${error.message}, for more than ${MISMATCH_MS / 1_000} s`, {
        hint: 'The writer has left parts of two generations behind. Make it write again.',
        cause: error,
        ...(error.file === undefined ? {} : { file: error.file }),
      }),
    );
  }
}
