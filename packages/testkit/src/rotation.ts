import { SpiffeError } from '@svidkit/core';

/** The files of a mount: name (may have `/`) to content. */
export type MountFiles = Readonly<Record<string, string | Uint8Array>>;

/**
 * One rotation on the way: named steps that a test goes through one at a time, to look at what lies between.
 * A rotation that is left half done is what a crashed writer leaves behind.
 */
export interface Rotation {
  /** The names of all steps, in order. Empty when the writer has nothing to do. */
  readonly steps: readonly string[];
  /** The names of the steps taken. */
  readonly done: readonly string[];
  /**
   * Takes the next step.
   *
   * @returns its name, or undefined when all are done.
   * @throws what the file system throws, for example `EEXIST`; the rotation then ends where it is.
   */
  next(): Promise<string | undefined>;
  /**
   * Takes all steps up to and including `step`; none when it is done already.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when there is no such step; and as `next`.
   */
  runTo(step: string): Promise<void>;
  /** Takes all steps that are left. Throws as `next`. */
  finish(): Promise<void>;
}

/** Writes the files of a mount as one kind of agent does. */
export interface MountWriter {
  /** The path that services read from. */
  readonly directory: string;
  /**
   * Plans a rotation to `files`. Nothing is written before its first step.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when a name is absolute, has `..`, or is reserved.
   */
  begin(files: MountFiles): Rotation;
  /** A whole rotation at once. */
  write(files: MountFiles): Promise<void>;
}

/** A step of a {@link Rotation}. */
export interface Step {
  readonly name: string;
  run(): Promise<void>;
}

/** A writer whose rotations are what `plan` says. */
export function mountWriter(directory: string, plan: (files: MountFiles) => readonly Step[]): MountWriter {
  const begin = (files: MountFiles): Rotation => {
    for (const name of Object.keys(files)) checkName(name);
    return rotation(plan(files));
  };
  return Object.freeze({ directory, begin, write: (files: MountFiles) => begin(files).finish() });
}

function rotation(plan: readonly Step[]): Rotation {
  const steps = Object.freeze(plan.map(({ name }) => name));
  const done: string[] = [];
  let failed: { readonly error: unknown } | undefined;

  const next = async (): Promise<string | undefined> => {
    if (failed !== undefined) throw failed.error;
    const step = plan[done.length];
    if (step === undefined) return undefined;
    try {
      await step.run();
    } catch (error) {
      failed = { error };
      throw error;
    }
    done.push(step.name);
    return step.name;
  };
  const runUntil = async (count: number): Promise<void> => {
    while (done.length < count) await next();
  };
  return Object.freeze({
    steps,
    get done() {
      return [...done];
    },
    next,
    async runTo(step: string) {
      const index = steps.indexOf(step);
      if (index >= 0) return runUntil(index + 1);
      throw new SpiffeError('ERR_CONFIG_OPTION', `want one of the steps of this rotation, got "${step}"`, {
        hint: steps.length === 0 ? 'It has none: nothing changed.' : `Its steps are: ${steps.join(', ')}.`,
      });
    },
    finish: () => runUntil(steps.length),
  });
}

function checkName(name: string): void {
  const segments = name.split('/');
  if (segments.every((segment) => segment !== '' && segment !== '.' && !segment.startsWith('..'))) return;
  throw new SpiffeError('ERR_CONFIG_OPTION', `want a relative file name without "..", got "${name}"`);
}
