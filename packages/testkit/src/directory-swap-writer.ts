import { randomInt } from 'node:crypto';
import { existsSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { type Clock, systemClock } from '@svidkit/core';

import { type MountFiles, type MountWriter, mountWriter, type Step } from './rotation.ts';

/** How a {@link directorySwapWriter} writes. */
export interface DirectorySwapWriterOptions {
  /**
   * `link`: the path is a symbolic link, and a rename swaps it, as the GCE guest agent does. `rename`: the path
   * is a directory that is moved away, and a new one is moved there. `recreate`: the directory is removed, made
   * again and filled. Default: `link`.
   */
  readonly mode?: 'link' | 'rename' | 'recreate';
  /** What the link holds (`link` only). Default: `absolute`. */
  readonly target?: 'absolute' | 'relative';
  /** The mode of the files. Default: 0o644. */
  readonly fileMode?: number;
  /** Whether the old contents stay, as after a crash (`link` and `rename` only). Default: false. */
  readonly keepOld?: boolean;
  /** What the names of contents directories are made from. Default: the time of this machine. */
  readonly clock?: Clock;
}

/**
 * Replaces a directory as a whole. Steps, in order: with `link`: `mkdir`, `write:NAME` for each file, `link-temp`,
 * `swap`, `remove-old`; with `rename`: `mkdir`, `write:NAME`, `move-away`, `move-in`, `remove-old` (between the moves the path is
 * not there); with `recreate`: `remove`, `mkdir`, `write:NAME`. The first rotation has no steps about old contents.
 *
 * @param path - the link or directory that services read from; its parent is made when it is not there.
 */
export function directorySwapWriter(path: string, options: DirectorySwapWriterOptions = {}): MountWriter {
  const { mode = 'link', target = 'absolute', fileMode = 0o644, keepOld = false } = options;
  const clock = options.clock ?? systemClock;

  const fill = (directory: string, files: MountFiles): Step[] => [
    { name: 'mkdir', run: async () => void (await mkdir(directory, { recursive: true })) },
    ...Object.entries(files).map(([name, content]): Step => {
      const file = join(directory, name);
      return { name: `write:${name}`, run: () => writeWithMode(file, content, fileMode) };
    }),
  ];
  const removeOld = (old: string | undefined): Step[] =>
    old === undefined || keepOld ? [] : [{ name: 'remove-old', run: () => remove(old) }];

  const plans = {
    link(files: MountFiles, contents: string): Step[] {
      const temporary = `${contents}.link`;
      const text = target === 'absolute' ? resolve(contents) : basename(contents);
      return [
        ...fill(contents, files),
        { name: 'link-temp', run: () => symlink(text, temporary) },
        { name: 'swap', run: () => rename(temporary, path) },
        ...removeOld(linkedDirectory(path)),
      ];
    },
    rename(files: MountFiles, contents: string): Step[] {
      const old = existsSync(path) ? `${contents}.old` : undefined;
      return [
        ...fill(contents, files),
        ...(old === undefined ? [] : [{ name: 'move-away', run: () => rename(path, old) }]),
        { name: 'move-in', run: () => rename(contents, path) },
        ...removeOld(old),
      ];
    },
    recreate(files: MountFiles): Step[] {
      const removal: Step[] = existsSync(path) ? [{ name: 'remove', run: () => remove(path) }] : [];
      return [...removal, ...fill(path, files)];
    },
  };
  return mountWriter(path, (files) => plans[mode](files, `${path}-contents-${timestamp(clock.now())}`));
}

async function writeWithMode(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content, { mode });
  await chmod(file, mode); // whatever the umask is
}

function remove(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}

/** As RFC 3339, with a random part for rotations within one second. */
function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z.${randomInt(2 ** 32)}`;
}

function linkedDirectory(link: string): string | undefined {
  try {
    return resolve(dirname(link), readlinkSync(link));
  } catch {
    return undefined;
  }
}
