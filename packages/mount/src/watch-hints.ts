import { type Random, rearmDelay } from './schedule.ts';
import { type SharedWatches } from './shared-watches.ts';
import { type WatchListener } from './watch-directory.ts';

/** How changes are noticed: by events of the file system with polling behind them, or by polling alone. */
export type WatchMode = 'inotify' | 'poll';

/** The watches of one source: hints that something may have changed, with no promise that they come. */
export class WatchHints {
  readonly #watches: SharedWatches | undefined;
  readonly #random: Random;
  readonly #listener: WatchListener;
  readonly #armed = new Map<string, string>();
  #failures = 0;
  #restUntil = 0;
  #error: unknown;

  /**
   * @param watches - undefined to have no hints at all.
   * @param onHint - called for each hint, however many there are.
   * @param now - milliseconds since the Unix epoch.
   */
  constructor(watches: SharedWatches | undefined, onHint: () => void, now: () => number, random: Random) {
    this.#watches = watches;
    this.#random = random;
    this.#listener = {
      hint: () => {
        this.#failures = 0;
        onHint();
      },
      failed: (error) => {
        this.#error = error;
        this.#failures++;
        this.#restUntil = now() + rearmDelay(this.#failures, this.#random);
        this.close();
      },
    };
  }

  /** After a failure it takes a hint to believe that watching works again. */
  get mode(): WatchMode {
    const isWatching = this.#watches !== undefined && this.#armed.size > 0 && this.#failures === 0;
    return isWatching ? 'inotify' : 'poll';
  }

  /** Why there are no hints although there should be some. */
  get error(): unknown {
    return this.mode === 'poll' ? this.#error : undefined;
  }

  /** Watches exactly `directories` from now on, each with what tells it from another of the same path. */
  arm(directories: ReadonlyMap<string, string>, now: number): void {
    if (this.#watches === undefined || now < this.#restUntil) return;
    for (const directory of this.#armed.keys()) {
      if (!directories.has(directory)) this.#remove(directory);
    }
    for (const [directory, mark] of directories) {
      if (this.#armed.get(directory) === mark) continue;
      this.#armed.set(directory, mark);
      this.#watches.add(directory, mark, this.#listener);
    }
  }

  /** Ends all watches. */
  close(): void {
    for (const directory of this.#armed.keys()) this.#remove(directory);
  }

  #remove(directory: string): void {
    this.#armed.delete(directory);
    this.#watches?.remove(directory, this.#listener);
  }
}
