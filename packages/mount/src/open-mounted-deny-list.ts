import {
  type DenyList,
  type DenyListEntries,
  type DenySubject,
  parseDenyList,
  type StaticDenyList,
  staticDenyList,
} from '@svidkit/core';

import { type MountPorts, systemPorts } from './mount-ports.ts';
import { type MountedPolicyFile } from './mounted-policy-file.ts';
import { type PolicyFileOptions, policyFileSettings } from './policy-file-options.ts';
import { WatchedFile } from './watched-file.ts';

/** A deny list in a mounted file. */
export interface MountedDenyList extends DenyList, MountedPolicyFile {}

/**
 * Opens a deny list that is mounted as a file (see {@link parseDenyList} for its form), and follows it: a change
 * counts within a second, also without events of the file system. What cannot be used (not there, torn, a typing
 * error, a file that anybody may write) never replaces what is in use; `health()` and the channel
 * `svidkit:source.error` tell about it, and `svidkit:policy.update` of each change.
 *
 * @param file - its path. While opening it keeps the process alive, afterwards it does not.
 * @throws {@link SpiffeError} without `fallback`, when the file cannot be used (for as long as `wait`):
 * `ERR_POLICY_INVALID`, `ERR_MOUNT_NOT_FOUND`, `ERR_MOUNT_UNREADABLE`, `ERR_MOUNT_PERMISSIONS`,
 * `ERR_MOUNT_FILE_TYPE`, `ERR_MOUNT_TOO_LARGE`, `ERR_MOUNT_TORN`, `ERR_MOUNT_STALE`. `ERR_CONFIG_OPTION` for options
 * that cannot work. The reason of `signal`, when it aborts.
 */
export async function openMountedDenyList(
  file: string,
  options: PolicyFileOptions<DenyListEntries> = {},
): Promise<MountedDenyList> {
  const list = new DenyListFile(file, options, systemPorts());
  await list.open();
  return list;
}

/** The deny list of one file. */
export class DenyListFile extends WatchedFile implements MountedDenyList {
  readonly #list: StaticDenyList;

  constructor(file: string, options: PolicyFileOptions<DenyListEntries>, ports: MountPorts) {
    const list = staticDenyList(options.fallback ?? {});
    super(policyFileSettings(file, 'deny-list', options), ports, (text) => list.update(parseDenyList(text)));
    this.#list = list;
  }

  reason(peer: DenySubject): string | undefined {
    return this.#list.reason(peer);
  }

  onUpdate(listener: () => void): Disposable {
    return this.#list.onUpdate(listener);
  }
}
