import { SharedWatches } from '../src/shared-watches.ts';
import { type WatchDirectory, type WatchListener } from '../src/watch-directory.ts';

/** A watch that does what the test says, in place of the file system. */
export interface StubWatch {
  readonly watches: SharedWatches;
  readonly listeners: WatchListener[];
  /** The directories for which a watch was begun. */
  readonly begun: string[];
  failWith: Error | undefined;
}

/** Makes a {@link StubWatch}. */
export function stubWatch(): StubWatch {
  const stub = {
    listeners: [] as WatchListener[],
    begun: [] as string[],
    failWith: undefined as Error | undefined,
  };
  const watch: WatchDirectory = (directory, listener) => {
    stub.begun.push(directory);
    stub.listeners.push(listener);
    const { failWith } = stub;
    if (failWith !== undefined) queueMicrotask(() => listener.failed(failWith));
    return { close: () => void stub.listeners.splice(stub.listeners.indexOf(listener), 1) };
  };
  return Object.assign(stub, { watches: new SharedWatches(watch) });
}
