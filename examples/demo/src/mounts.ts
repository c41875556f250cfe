import { join } from 'node:path';

/** What is mounted into a workload, by path. */
export interface Mounts {
  /** Its SVID, its key and the bundles. */
  readonly svid: string;
  /** The deny list, and where there is a migration, its policy. */
  readonly policy: string;
  /** Certificate, key and CA from before SPIFFE, where there are any. */
  readonly legacy: string;
}

/** The mounts of the workload whose files are below `directory`. */
export function mountsOf(directory: string): Mounts {
  return {
    svid: join(directory, 'svid'),
    policy: join(directory, 'policy'),
    legacy: join(directory, 'legacy'),
  };
}

/** The files of the policy volume, as services open them. */
export const DENY_LIST = 'deny.json';
export const MIGRATION_POLICY = 'migration.json';
