import { chooseFs, type MountFs, pooledFs } from './mount-fs.ts';
import { type MountEntry, readMountTable } from './mount-table.ts';
import { type Random } from './schedule.ts';
import { SharedWatches } from './shared-watches.ts';
import { watchDirectory } from './watch-directory.ts';

/** What the reader needs from the machine it runs on. */
export interface MountPorts {
  readonly watches: SharedWatches;
  readonly random: Random;
  /** The fastest way to ask about directories that cannot stop the event loop. */
  readonly chooseFs: (directories: Iterable<string>) => Promise<MountFs>;
  /** A way that never can. */
  readonly slowFs: MountFs;
  readonly readMountTable: () => Promise<readonly MountEntry[]>;
  /** The user that this process runs as; undefined where there are none. */
  readonly uid: number | undefined;
}

const watches = new SharedWatches(watchDirectory);

/** The machine itself. All sources of a process share its watches. */
export function systemPorts(): MountPorts {
  return {
    watches,
    random: Math.random,
    chooseFs,
    slowFs: pooledFs,
    readMountTable,
    uid: process.geteuid?.(),
  };
}
