/** What a watch tells. Neither is a proof: events get lost, and a watch can be blind although it is armed. */
export interface WatchListener {
  /** Something happened in the directory, or the watch has just begun. */
  hint(): void;
  /** The watch does not work (any more): it is of no use from now on. */
  failed(error: unknown): void;
}

/** Begins to watch one directory, not what is below it. The result ends it. */
export type WatchDirectory = (directory: string, listener: WatchListener) => { close(): void };

/**
 * Watches with chokidar, which is loaded when it is first used. What kind of event comes for which name is never
 * looked at: none of that can be relied on.
 */
export const watchDirectory: WatchDirectory = (directory, listener) => {
  let isOpen = true;
  // No type of chokidar here: importing that would load it with this file.
  let watcher: { close(): Promise<void> } | undefined;
  const fail = (error: unknown): void => {
    if (!isOpen) return;
    end();
    listener.failed(error);
  };
  const end = (): void => {
    isOpen = false;
    void watcher?.close();
  };
  const hint = (): void => {
    if (isOpen) listener.hint();
  };
  const begin = async (): Promise<void> => {
    const { watch } = await import('chokidar');
    if (!isOpen) return;
    const opened = watch(directory, {
      depth: 0,
      followSymlinks: false,
      atomic: false,
      awaitWriteFinish: false,
      ignoreInitial: true,
      persistent: false,
    });
    watcher = opened;
    // `raw` comes at once, `all` where the backend polls. `ready` comes even when nothing is watched, so it proves
    // nothing; but what changed before it may have had no event.
    opened.on('raw', hint).on('all', hint).on('ready', hint).on('error', fail);
  };
  begin().catch(fail);
  return { close: end };
};
