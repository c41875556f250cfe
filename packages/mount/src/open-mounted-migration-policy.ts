import {
  type MigrationPolicy,
  type MigrationPolicySource,
  parseMigrationPolicy,
  type StaticMigrationPolicy,
  staticMigrationPolicy,
} from '@svidkit/core';

import { type MountPorts, systemPorts } from './mount-ports.ts';
import { type MountedPolicyFile } from './mounted-policy-file.ts';
import { type PolicyFileOptions, policyFileSettings } from './policy-file-options.ts';
import { WatchedFile } from './watched-file.ts';

/** A migration policy in a mounted file. */
export interface MountedMigrationPolicy extends MigrationPolicySource, MountedPolicyFile {}

/**
 * Opens a migration policy that is mounted as a file (see {@link parseMigrationPolicy} for its form), and follows it,
 * so that a step of a migration is taken, or taken back, without a restart. Everything else is as with
 * {@link openMountedDenyList}.
 *
 * @param file - its path. While opening it keeps the process alive, afterwards it does not.
 * @throws {@link SpiffeError} as {@link openMountedDenyList}; `ERR_CONFIG_AUTHORIZER` for a fallback.
 */
export async function openMountedMigrationPolicy(
  file: string,
  options: PolicyFileOptions<Partial<MigrationPolicy>> = {},
): Promise<MountedMigrationPolicy> {
  const policy = new MigrationPolicyFile(file, options, systemPorts());
  await policy.open();
  return policy;
}

/** The migration policy of one file. */
export class MigrationPolicyFile extends WatchedFile implements MountedMigrationPolicy {
  readonly #policy: StaticMigrationPolicy;

  constructor(file: string, options: PolicyFileOptions<Partial<MigrationPolicy>>, ports: MountPorts) {
    const policy = staticMigrationPolicy(options.fallback);
    // Every member of the new policy is given, so that nothing of the old one stays.
    super(policyFileSettings(file, 'migration-policy', options), ports, (text) =>
      policy.update(parseMigrationPolicy(text)),
    );
    this.#policy = policy;
  }

  get current(): MigrationPolicy {
    return this.#policy.current;
  }

  onUpdate(listener: (policy: MigrationPolicy) => void): Disposable {
    return this.#policy.onUpdate(listener);
  }
}
