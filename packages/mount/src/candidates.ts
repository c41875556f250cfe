import { SpiffeError } from '@svidkit/core';

import { detect, type MountPlan } from './detect.ts';
import { type MountFs } from './mount-fs.ts';
import { type MountSettings } from './mount-options.ts';
import { ChainResolver } from './resolve-chain.ts';

/** The places where an identity may appear, and what was seen there last. */
export class Candidates {
  readonly #settings: MountSettings;
  readonly #seen = new Map<string, SpiffeError | undefined>();

  constructor(settings: MountSettings) {
    this.#settings = settings;
  }

  /** Looks at all places. Without a plan, `directories` are those to watch for one to appear. */
  async look(
    fs: MountFs,
  ): Promise<{ readonly plan: MountPlan | undefined; readonly directories: ReadonlyMap<string, string> }> {
    const candidates = await detect(this.#settings, fs);
    const plan = candidates.at(-1)?.plan;
    const resolver = new ChainResolver(fs);
    const directories = new Map<string, string>();
    for (const { directory, error } of candidates) {
      if (error !== undefined) this.#seen.set(directory, error);
      if (plan !== undefined) continue;
      const chain = await resolver.resolve(directory);
      const own = chain.entry?.isDirectory() === true ? [chain.realPath] : [];
      for (const path of [...chain.directories, ...own]) directories.set(path, await resolver.mark(path));
    }
    return { plan, directories };
  }

  /** Remembers how the files of `plan` fared. */
  saw({ directory }: MountPlan, error: SpiffeError | undefined): void {
    this.#seen.set(directory, error);
  }

  /** Why there is no identity yet. */
  error(): SpiffeError {
    const errors = [...this.#seen.values()].filter((error) => error !== undefined);
    const [first] = errors;
    if (errors.length === 1 && first !== undefined) return first;
    return new SpiffeError(
      'ERR_MOUNT_NOT_FOUND',
      `want an identity in one of several places, got ${this.#list()}`,
      {
        hint: 'Mount the volume of the identity, or name its directory with option directory or SPIFFE_CREDENTIAL_FOLDER.',
      },
    );
  }

  /** That no identity has come in time: what was seen at each place. */
  timeout(waitMs: number): SpiffeError {
    const last = [...this.#seen.values()].findLast((error) => error !== undefined);
    const when = waitMs === 0 ? 'at once' : `within ${waitMs} ms`;
    const named = {
      option: 'option directory',
      environment: 'SPIFFE_CREDENTIAL_FOLDER',
      'well-known': 'the well-known directories',
    };
    return new SpiffeError(
      'ERR_SOURCE_TIMEOUT',
      `want an X.509-SVID ${when} by ${named[this.#settings.origin]}, got ${this.#list()}`,
      {
        hint: last?.hint ?? 'Look whether the volume is mounted and its writer is running.',
        ...(last === undefined ? {} : { cause: last }),
        ...(last?.file === undefined ? {} : { file: last.file }),
      },
    );
  }

  #list(): string {
    const seen = [...this.#seen].map(
      ([directory, error]) => `${directory}: ${error?.message ?? 'no answer yet'}`,
    );
    return seen.length === 0 ? 'no answer of the file system' : seen.join('; ');
  }
}
