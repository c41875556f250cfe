import { type BigIntStats } from 'node:fs';
import { dirname, join } from 'node:path';

import { errno, errnoOf } from './mount-error.ts';
import { type MountFs } from './mount-fs.ts';

/** Where a path leads, link by link. */
export interface Chain {
  /** The path as configured. */
  readonly path: string;
  /** Where the last link led: no component of it is a link. When something is missing, as far as it got. */
  readonly realPath: string;
  /** What is at the end; undefined when there is nothing, or `error` says why it is not known. */
  readonly entry: BigIntStats | undefined;
  /** Why there is no `entry`. */
  readonly error: NodeJS.ErrnoException | undefined;
  /** The path of the `..data` link that it leads through (of the last one, when there are several). */
  readonly swapLink: string | undefined;
  /** The directories that hold a link of the chain or its end, or what would hold the first missing part. */
  readonly directories: readonly string[];
  /** Changes whenever the path leads elsewhere, or the end of it changes. Never rests on the time alone. */
  readonly signature: string;
}

/** As many as Linux follows. */
const MOST_LINKS = 40;

/** The link that AtomicWriter (kubelet, the CSI drivers of cert-manager) swaps. */
const SWAP_LINK = '..data';

/**
 * Resolves paths as the kernel does, and remembers what it asked: all paths that one resolver sees lead through the
 * same answers, so files behind one `..data` link always come out in one generation directory.
 */
export class ChainResolver {
  readonly #fs: MountFs;
  readonly #entries = new Map<string, BigIntStats | NodeJS.ErrnoException>();
  readonly #links = new Map<string, string>();

  constructor(fs: MountFs) {
    this.#fs = fs;
  }

  /** Never throws on account of the file system: see {@link Chain.error}. */
  async resolve(path: string): Promise<Chain> {
    const todo = path.split('/');
    const directories = new Set<string>();
    const hops: string[] = [];
    let current = '/';
    let swapLink: string | undefined;
    let inGeneration = false;
    let entry: BigIntStats | undefined;
    let error: NodeJS.ErrnoException | undefined;

    while (todo.length > 0 && error === undefined) {
      const name = todo.shift();
      if (name === undefined || name === '' || name === '.') continue;
      if (name === '..') {
        current = dirname(current);
        continue;
      }
      const next = join(current, name);
      const found = await this.#lstat(next);
      if (found instanceof Error) {
        directories.add(current);
        error = found;
        current = next;
      } else if (found.isSymbolicLink()) {
        if (hops.length >= MOST_LINKS) {
          error = errno('ELOOP');
          break;
        }
        const target = await this.#readlink(next);
        if (target === undefined) {
          error = errno('ENOENT');
          break;
        }
        directories.add(current);
        hops.push(`${next}>${target}`);
        inGeneration = name === SWAP_LINK;
        if (inGeneration) swapLink = next;
        if (target.startsWith('/')) current = '/';
        todo.unshift(...target.split('/'));
      } else {
        const rest = todo.some((part) => part !== '' && part !== '.');
        if (!found.isDirectory() || !rest) {
          // A generation is written once and never again, so there is nothing to watch in it.
          if (!inGeneration) directories.add(current);
          entry = found;
          if (rest) error = errno('ENOTDIR');
        }
        current = next;
      }
    }
    if (error !== undefined) entry = undefined;
    const marks = await Promise.all([...directories].map((directory) => this.mark(directory)));
    const end = error === undefined ? fileMark(entry) : errnoOf(error);
    const signature = [path, ...hops, ...marks, current, end].join('|');
    return { path, realPath: current, entry, error, swapLink, directories: [...directories], signature };
  }

  /** `device:inode` of a directory; which directory a path means, whatever it is called. */
  async mark(directory: string): Promise<string> {
    const found = await this.#lstat(directory);
    return found instanceof Error ? errnoOf(found) : `${found.dev}:${found.ino}`;
  }

  /** What a link held that was followed before. */
  target(link: string): string | undefined {
    return this.#links.get(link);
  }

  async #lstat(path: string): Promise<BigIntStats | NodeJS.ErrnoException> {
    const known = this.#entries.get(path);
    if (known !== undefined) return known;
    let found: BigIntStats | NodeJS.ErrnoException;
    try {
      found = await this.#fs.lstat(path);
    } catch (error) {
      found = error instanceof Error ? error : errno('ENOENT');
    }
    this.#entries.set(path, found);
    return found;
  }

  /** Undefined when it was a link a moment ago and is none now. */
  async #readlink(path: string): Promise<string | undefined> {
    const known = this.#links.get(path);
    if (known !== undefined) return known;
    try {
      const target = await this.#fs.readlink(path);
      this.#links.set(path, target);
      return target;
    } catch {
      return undefined;
    }
  }
}

/** What tells two states of a file apart: times alone would not, writers can keep them. */
export function fileMark(stats: BigIntStats | undefined): string {
  if (stats === undefined) return '';
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}
