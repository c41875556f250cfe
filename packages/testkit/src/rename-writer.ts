import { randomInt } from 'node:crypto';
import { chmod, mkdir, open, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { contentOf } from './content-of.ts';
import { type MountWriter, mountWriter, type Step } from './rotation.ts';
import { inOrder, type WriteOrder } from './write-order.ts';

/** How a {@link renameWriter} writes. */
export interface RenameWriterOptions {
  /** Default: `as-given`. Istio and Vault Agent are `key-first`. */
  readonly order?: WriteOrder;
  /** The mode of each file from the start. Default: 0o644. */
  readonly fileMode?: number;
  /** A mode set after the rename, in a step of its own, as agents that change owner last. Default: none. */
  readonly lateMode?: number;
  /** Whether files that are as they were are left alone, as by Istio. Default: false. */
  readonly skipUnchanged?: boolean;
  /** Whether each new file gets the times of the one it replaces. Default: false. */
  readonly keepTimes?: boolean;
}

/**
 * Writes as consul-template, Vault Agent and Istio do: each file for itself, to a temporary file that is then
 * renamed over the old one. Steps for each file, in order: `create-temp:NAME`, `sync-temp:NAME`,
 * `chmod-temp:NAME`, `rename:NAME`, and with `lateMode` `chmod:NAME`. Between two files the mount holds parts of two
 * generations.
 *
 * @param directory - made when it is not there.
 */
export function renameWriter(directory: string, options: RenameWriterOptions = {}): MountWriter {
  const {
    order = 'as-given',
    fileMode = 0o644,
    lateMode,
    skipUnchanged = false,
    keepTimes = false,
  } = options;

  return mountWriter(directory, (files) =>
    inOrder(files, order)
      .filter(([name, content]) => !(skipUnchanged && contentOf(join(directory, name))?.equals(content)))
      .flatMap(([name, content]): Step[] => {
        const path = join(directory, name);
        const temporary = join(dirname(path), `${basename(path)}${randomInt(2 ** 32)}`);
        const late: Step[] =
          lateMode === undefined ? [] : [{ name: `chmod:${name}`, run: () => chmod(path, lateMode) }];
        return [
          {
            name: `create-temp:${name}`,
            async run() {
              await mkdir(dirname(path), { recursive: true });
              await writeFile(temporary, content, { mode: 0o600, flag: 'wx' });
            },
          },
          {
            name: `sync-temp:${name}`,
            async run() {
              const file = await open(temporary, 'r+');
              try {
                await file.sync();
              } finally {
                await file.close();
              }
            },
          },
          { name: `chmod-temp:${name}`, run: () => chmod(temporary, fileMode) },
          {
            name: `rename:${name}`,
            async run() {
              if (keepTimes) await copyTimes(path, temporary);
              await rename(temporary, path);
            },
          },
          ...late,
        ];
      }),
  );
}

async function copyTimes(from: string, to: string): Promise<void> {
  const { atimeMs, mtimeMs } = await stat(from).catch(() => ({ atimeMs: Date.now(), mtimeMs: Date.now() }));
  await utimes(to, atimeMs / 1000, mtimeMs / 1000);
}
