import { dirname } from 'node:path';

import { SpiffeError } from '@svidkit/core';

import { type MountPlan } from './detect.ts';
import { identityNames } from './layout.ts';
import { type MountFs } from './mount-fs.ts';
import { type MountEntry, mountOf } from './mount-table.ts';
import { type Observation } from './observe.ts';

const DELETED = '//deleted';

/**
 * Finds out why a mount will never change again: `ERR_MOUNT_STALE`, with what to restart; undefined when nothing
 * speaks for that. A mount whose writer has lost it without a trace is not recognised; only that renewal is overdue
 * shows there.
 *
 * @param table - the mounts of this process.
 */
export async function staleMount(
  plan: Pick<MountPlan, 'directory' | 'identity'>,
  observation: Pick<Observation, 'chains'>,
  fs: MountFs,
  table: readonly MountEntry[],
): Promise<SpiffeError | undefined> {
  const [file = ''] = identityNames(plan.identity);
  const chain = observation.chains.get(file);
  const realDirectory = dirname(chain?.realPath ?? file);

  if (await isRemoved(plan.directory, fs)) {
    return stale(plan.directory, 'a directory that was removed on the node', POD_HINT);
  }
  const mount = mountOf(realDirectory, table) ?? mountOf(plan.directory, table);
  if (mount?.root.endsWith(DELETED) === true) {
    return stale(
      plan.directory,
      `a mount (${mount.mountPoint}) whose source was removed on the node`,
      POD_HINT,
    );
  }
  const single = singleFileMount(observation, table);
  if (single !== undefined)
    return stale(single, 'a file that is itself a mount point (subPath)', CONTAINER_HINT);
  return undefined;
}

/** The configured path of a file that is mounted by itself, if there is one: its replacements stay invisible. */
function singleFileMount(
  observation: Pick<Observation, 'chains'>,
  table: readonly MountEntry[],
): string | undefined {
  for (const chain of observation.chains.values()) {
    if (chain.entry?.isFile() === true && mountOf(chain.realPath, table)?.mountPoint === chain.realPath) {
      return chain.path;
    }
  }
  return undefined;
}

const POD_HINT = 'Restart the pod (delete it): restarting the container mounts the same remains again.';
const CONTAINER_HINT =
  'Restart the container to see the latest file once, and mount the whole directory instead, without subPath.';

/** An existing directory without links to it has been removed; only mounts keep it in sight. */
async function isRemoved(directory: string, fs: MountFs): Promise<boolean> {
  try {
    const stats = await fs.lstat(directory);
    return stats.isDirectory() && stats.nlink === 0n;
  } catch {
    return false;
  }
}

function stale(path: string, got: string, hint: string): SpiffeError {
  return new SpiffeError('ERR_MOUNT_STALE', `want a mount that its writer can reach in ${path}, got ${got}`, {
    hint,
    file: path,
  });
}

/** How often at most the reasons for a stale mount are looked for. */
const DIAGNOSIS_INTERVAL_MS = 60_000;

/** Remembers what was found about a mount, and when to look again. */
export class StaleDiagnosis {
  #at = -Infinity;
  #found: SpiffeError | undefined;

  /** Why the mount will never change again, as far as is known. */
  get found(): SpiffeError | undefined {
    return this.#found;
  }

  /** Whether it is time to look, at `now`. Counts as a look if so. */
  isDue(now: number): boolean {
    if (Math.abs(now - this.#at) < DIAGNOSIS_INTERVAL_MS) return false;
    this.#at = now;
    return true;
  }

  /** Remembers what {@link staleMount} said. Whether that is news. */
  note(found: SpiffeError | undefined): boolean {
    const isNews = found !== undefined && this.#found === undefined;
    this.#found = found;
    return isNews;
  }
}
