import { type BigIntStats, constants } from 'node:fs';
import * as direct from 'node:fs';
import * as pooled from 'node:fs/promises';

/** The whole content of one file, and what its descriptor said before and after the reading. */
interface OpenedFile {
  readonly bytes: Buffer;
  readonly before: BigIntStats;
  readonly after: BigIntStats;
}

/** A value, or a promise of it. */
type Eventually<T> = T | Promise<T>;

/** The few things that the reader asks of a file system. Each fails with the error of `node:fs`. */
export interface MountFs {
  lstat(path: string): Eventually<BigIntStats>;
  /** Follows links; undefined when there is nothing to be known, for whatever reason. */
  stat(path: string): Eventually<BigIntStats | undefined>;
  readlink(path: string): Eventually<string>;
  readdir(path: string): Eventually<readonly string[]>;
  /**
   * Reads a regular file of at most `maxBytes`. Of what is no regular file, or larger, nothing is read: `bytes`
   * is then empty, and `before` tells why.
   */
  read(path: string, maxBytes: number): Eventually<OpenedFile>;
}

// O_NONBLOCK: opening a FIFO must not wait for its writer. O_NOFOLLOW: the path was resolved already, so a link
// there is news, and the reader looks again.
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Asks at once, on the calling thread: about 3 µs a question, where the thread pool takes 50 µs. For file systems
 * that answer from memory or a local disk; another one could stop the event loop for as long as its server is away.
 */
export const directFs: MountFs = {
  lstat: (path) => direct.lstatSync(path, { bigint: true }),
  stat(path) {
    try {
      return direct.statSync(path, { bigint: true, throwIfNoEntry: false });
    } catch {
      return undefined;
    }
  },
  readlink: (path) => direct.readlinkSync(path),
  readdir: (path) => direct.readdirSync(path),
  read(path, maxBytes) {
    const fd = direct.openSync(path, FLAGS);
    try {
      const before = direct.fstatSync(fd, { bigint: true });
      if (!isReadable(before, maxBytes)) return { bytes: Buffer.alloc(0), before, after: before };
      const buffer = bufferFor(before);
      let length = 0;
      for (let count = -1; count !== 0 && length < buffer.length; length += count) {
        count = direct.readSync(fd, buffer, length, buffer.length - length, length);
      }
      return { bytes: buffer.subarray(0, length), before, after: direct.fstatSync(fd, { bigint: true }) };
    } finally {
      direct.closeSync(fd);
    }
  },
};

/** Asks through the thread pool, so that a file system that hangs stops nothing but this reader. */
export const pooledFs: MountFs = {
  lstat: (path) => pooled.lstat(path, { bigint: true }),
  stat: (path) => pooled.stat(path, { bigint: true }).catch(() => undefined),
  readlink: (path) => pooled.readlink(path),
  readdir: (path) => pooled.readdir(path),
  async read(path, maxBytes) {
    const file = await pooled.open(path, FLAGS);
    try {
      const before = await file.stat({ bigint: true });
      if (!isReadable(before, maxBytes)) return { bytes: Buffer.alloc(0), before, after: before };
      const buffer = bufferFor(before);
      let length = 0;
      for (let count = -1; count !== 0 && length < buffer.length; length += count) {
        count = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
      }
      return { bytes: buffer.subarray(0, length), before, after: await file.stat({ bigint: true }) };
    } finally {
      await file.close();
    }
  },
};

/** What statfs says about file systems that answer without asking another machine or process. */
const LOCAL_TYPES: ReadonlySet<number> = new Set([
  0x01021994, // tmpfs: what kubelet and the CSI drivers mount
  0x858458f6, // ramfs
  0x0000ef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x794c7630, // overlayfs
  0x2fc12fc1, // zfs
  0xf2f52010, // f2fs
]);

/** The fastest way to ask about `directories` that cannot stop the event loop. */
export async function chooseFs(directories: Iterable<string>): Promise<MountFs> {
  for (const directory of directories) {
    try {
      if (!LOCAL_TYPES.has((await pooled.statfs(directory)).type)) return pooledFs;
    } catch {
      return pooledFs;
    }
  }
  return directFs;
}

function isReadable(stats: BigIntStats, maxBytes: number): boolean {
  return stats.isFile() && stats.size <= BigInt(maxBytes);
}

/** One byte more than the file has, so that growth shows. Never from the pool, which other code can see. */
function bufferFor(stats: BigIntStats): Buffer {
  return Buffer.alloc(Number(stats.size) + 1);
}
