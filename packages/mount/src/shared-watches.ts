import { type WatchDirectory, type WatchListener } from './watch-directory.ts';

interface Watch {
  /** Tells the directory that is watched from another one of the same path. */
  readonly mark: string;
  readonly listeners: Set<WatchListener>;
  readonly handle: { close(): void };
}

/** One watch for each directory, however many sources have files in it. */
export class SharedWatches {
  readonly #watches = new Map<string, Watch>();
  readonly #watchDirectory: WatchDirectory;

  constructor(watchDirectory: WatchDirectory) {
    this.#watchDirectory = watchDirectory;
  }

  /** How many directories are watched. */
  get size(): number {
    return this.#watches.size;
  }

  /**
   * Adds a listener to the watch of `directory`. When it is another directory than before, by `mark`, the watch is
   * renewed for all its listeners, since the old one sees nothing any more.
   */
  add(directory: string, mark: string, listener: WatchListener): void {
    const known = this.#watches.get(directory);
    if (known?.mark === mark) return void known.listeners.add(listener);
    known?.handle.close();
    this.#begin(directory, mark, new Set([...(known?.listeners ?? []), listener]));
  }

  /** Takes a listener off the watch of `directory`, and ends the watch with its last one. */
  remove(directory: string, listener: WatchListener): void {
    const watch = this.#watches.get(directory);
    if (watch?.listeners.delete(listener) !== true || watch.listeners.size > 0) return;
    this.#watches.delete(directory);
    watch.handle.close();
  }

  #begin(directory: string, mark: string, listeners: Set<WatchListener>): void {
    // Whoever watches calls back later, never from within the call.
    let watch: Watch | undefined;
    const isCurrent = (): boolean => this.#watches.get(directory) === watch;
    const handle = this.#watchDirectory(directory, {
      hint: () => {
        if (isCurrent()) for (const listener of listeners) listener.hint();
      },
      failed: (error) => {
        if (!isCurrent()) return;
        this.#watches.delete(directory);
        for (const listener of listeners) listener.failed(error);
      },
    });
    watch = { mark, listeners, handle };
    this.#watches.set(directory, watch);
  }
}
