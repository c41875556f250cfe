import {
  formatBundleMap,
  isSpiffeError,
  parseBundleMap,
  type SpiffeBundle,
  SpiffeError,
  type TrustDomain,
} from '@svidkit/core';

import { type BundleStore } from './bundle-store.ts';

/** The stored copy of a bundle: what is wrong with it is never more than a reason to do without. */
export class StoredCopy {
  readonly #store: BundleStore | undefined;
  readonly #trustDomain: TrustDomain;
  /** Writes go one after the other, in the order of the bundles. */
  #writing: Promise<void> = Promise.resolve();
  /** Why the copy could not be read, or the latest bundle is not in it. */
  problem: SpiffeError | undefined;

  constructor(store: BundleStore | undefined, trustDomain: TrustDomain) {
    this.#store = store;
    this.#trustDomain = trustDomain;
  }

  /** The bundle that was kept, and when; undefined when there is none that can be used. */
  async load(): Promise<{ readonly bundle: SpiffeBundle; readonly savedAt: number } | undefined> {
    try {
      const stored = await this.#store?.load();
      if (stored === undefined) return undefined;
      const { name } = this.#trustDomain;
      const bundle = parseBundleMap(stored.document).get(name);
      if (bundle === undefined)
        throw badCopy(`want a stored bundle of ${name}, got one of another trust domain`);
      return { bundle, savedAt: stored.savedAt };
    } catch (cause) {
      this.problem = asStoreError('a stored bundle cannot be used', cause);
      return undefined;
    }
  }

  /** Keeps a bundle in place of the one before. */
  save(bundle: SpiffeBundle): Promise<void> {
    return this.#enqueue('a bundle could not be stored', async (store) =>
      store.save(formatBundleMap([bundle])),
    );
  }

  /** Keeps nothing any more. */
  remove(): Promise<void> {
    return this.#enqueue('a stored bundle could not be removed', async (store) => store.remove());
  }

  /** Resolves when everything is written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #enqueue(what: string, write: (store: BundleStore) => Promise<void>): Promise<void> {
    const before = this.#writing;
    this.#writing = this.#write(before, what, write);
    await this.#writing;
  }

  async #write(
    before: Promise<void>,
    what: string,
    write: (store: BundleStore) => Promise<void>,
  ): Promise<void> {
    await before;
    try {
      if (this.#store !== undefined) await write(this.#store);
      this.problem = undefined;
    } catch (cause) {
      this.problem = asStoreError(what, cause);
    }
  }
}

function asStoreError(what: string, cause: unknown): SpiffeError {
  if (isSpiffeError(cause) && cause.code === 'ERR_FEDERATION_STORE') return cause;
  return badCopy(`${what}: ${cause instanceof Error ? cause.message : 'it failed'}`, cause);
}

function badCopy(problem: string, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_FEDERATION_STORE', problem, cause === undefined ? {} : { cause });
}
