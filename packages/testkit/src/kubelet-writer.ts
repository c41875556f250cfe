import { Buffer } from 'node:buffer';
import { randomInt } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { type Clock, systemClock } from '@svidkit/core';

import { contentOf } from './content-of.ts';
import { type MountFiles, type MountWriter, mountWriter, type Step } from './rotation.ts';

/** How a {@link kubeletWriter} writes. */
export interface KubeletWriterOptions {
  /** The mode of the files. Default: 0o644, as Secret volumes have; csi-driver-spiffe uses 0o440. */
  readonly fileMode?: number;
  /** Whether the old generation stays, as after a crash. Default: false. */
  readonly keepOld?: boolean;
  /** Whether links of new names come before the swap, as old kubelets made them: they dangle until it. Default: false. */
  readonly linksFirst?: boolean;
  /**
   * What to do about a `..data_tmp` that a crashed writer left: `fail` with `EEXIST`, as kubelet does, or
   * `replace` it. Default: `fail`.
   */
  readonly staleDataTmp?: 'fail' | 'replace';
  /** What the names of generations are made from. Default: the time of this machine. */
  readonly clock?: Clock;
}

const DATA = '..data';
const DATA_TMP = '..data_tmp';

/**
 * Writes a volume as kubelet and cert-manager's CSI drivers do: a new generation in a directory of its own, then
 * one rename of the `..data` link. Steps, in order: `mkdir`, `write:NAME` for each file, `link-data-tmp`, `swap`,
 * `link:NAME` for each new name, `unlink:NAME` for each that is gone, `remove-old`. There are no steps when the
 * files are as they were.
 *
 * @param directory - the volume; made when it is not there.
 */
export function kubeletWriter(directory: string, options: KubeletWriterOptions = {}): MountWriter {
  const { fileMode = 0o644, keepOld = false, linksFirst = false, staleDataTmp = 'fail' } = options;
  const clock = options.clock ?? systemClock;

  return mountWriter(directory, (files) => {
    const old = linkTarget(join(directory, DATA));
    const oldNames = old === undefined ? [] : fileNames(join(directory, old));
    if (old !== undefined && isSame(join(directory, old), oldNames, files)) return [];

    const generation = generationName(clock.now());
    const newDirectory = join(directory, generation);
    const visible = topNames(Object.keys(files));
    const oldVisible = topNames(oldNames);

    const make: Step = {
      name: 'mkdir',
      async run() {
        await mkdir(directory, { recursive: true });
        await mkdir(newDirectory, { mode: 0o700 });
        await chmod(newDirectory, 0o755);
      },
    };
    const writes = Object.entries(files).map(([name, content]): Step => ({
      name: `write:${name}`,
      async run() {
        const path = join(newDirectory, name);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, content, { mode: fileMode });
        await chmod(path, fileMode); // whatever the umask is
      },
    }));
    const linkDataTmp: Step = {
      name: 'link-data-tmp',
      async run() {
        const path = join(directory, DATA_TMP);
        if (staleDataTmp === 'replace') await rm(path, { force: true });
        try {
          await symlink(generation, path);
        } catch (error) {
          await rm(newDirectory, { recursive: true });
          throw error;
        }
      },
    };
    const swap: Step = {
      name: 'swap',
      run: () => rename(join(directory, DATA_TMP), join(directory, DATA)),
    };
    const links = visible
      .filter((name) => linkTarget(join(directory, name)) === undefined)
      .map((name): Step => ({
        name: `link:${name}`,
        run: () => symlink(join(DATA, name), join(directory, name)),
      }));
    const unlinks = oldVisible
      .filter((name) => !visible.includes(name))
      .map((name): Step => ({ name: `unlink:${name}`, run: () => unlink(join(directory, name)) }));
    const removals: Step[] =
      old === undefined || keepOld
        ? []
        : [{ name: 'remove-old', run: () => rm(join(directory, old), { recursive: true, force: true }) }];

    const swapAndLink = linksFirst ? [...links, linkDataTmp, swap] : [linkDataTmp, swap, ...links];
    return [make, ...writes, ...swapAndLink, ...unlinks, ...removals];
  });
}

/** `..YYYY_MM_DD_HH_MM_SS.nnn`, the last part random. */
function generationName(now: number): string {
  const time = new Date(now).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '_');
  return `..${time}.${randomInt(2 ** 32)}`;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function fileNames(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
  } catch {
    return [];
  }
}

function topNames(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.split('/')[0] ?? name))];
}

function isSame(directory: string, names: readonly string[], files: MountFiles): boolean {
  const wanted = Object.entries(files);
  if (wanted.length !== names.length) return false;
  return wanted.every(
    ([name, content]) =>
      names.includes(name) && contentOf(join(directory, name))?.equals(Buffer.from(content)) === true,
  );
}
