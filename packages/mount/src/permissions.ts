import { type BigIntStats } from 'node:fs';

import { SpiffeError } from '@svidkit/core';

/** A file or directory whose permissions are to be judged. */
export interface PermissionSubject {
  readonly path: string;
  readonly stats: BigIntStats;
  readonly kind: 'key' | 'token' | 'file' | 'directory';
}

const OTHERS_READ = 0o004n;
const OTHERS_WRITE = 0o002n;
const STICKY = 0o1000n;

/**
 * What is too loose about permissions: `ERR_MOUNT_PERMISSIONS` for each finding. Judged by what the opened file
 * says; links always have mode 0777.
 *
 * @param uid - of this process; undefined where there are none (Windows), and then nothing is judged.
 * @param stake - what could be replaced, for hints.
 */
export function permissionProblems(
  subjects: Iterable<PermissionSubject>,
  uid: number | undefined,
  stake = 'our identity',
): readonly SpiffeError[] {
  if (uid === undefined) return [];
  const problems: SpiffeError[] = [];
  for (const { path, stats, kind } of subjects) {
    const { mode } = stats;
    const shown = `mode ${octal(stats)}`;
    if ((kind === 'key' || kind === 'token') && (mode & OTHERS_READ) !== 0n) {
      problems.push(
        loose(
          path,
          `a ${kind === 'key' ? 'private key' : kind} that others cannot read`,
          shown,
          'Set defaultMode 0440 or 0400 on the volume, and fsGroup if need be.',
        ),
      );
    }
    // In a sticky directory, as the root of a tmpfs is, others can add names but not replace any.
    const isSticky = kind === 'directory' && (mode & STICKY) !== 0n;
    if (isWritableByOthers(stats) && !isSticky) {
      problems.push(
        loose(
          path,
          `a ${kind} that others cannot write`,
          shown,
          `Whoever can write it can replace ${stake}. Take the permission away.`,
        ),
      );
    }
    const owner = Number(stats.uid);
    if (owner !== 0 && owner !== uid) {
      problems.push(
        loose(
          path,
          `a ${kind} that belongs to root or to this process (uid ${uid})`,
          `uid ${owner}`,
          `Its owner can replace ${stake}. Let the writer run as root or as this user.`,
        ),
      );
    }
  }
  return problems;
}

/** Whether anybody at all may write it. */
export function isWritableByOthers({ mode }: Pick<BigIntStats, 'mode'>): boolean {
  return (mode & OTHERS_WRITE) !== 0n;
}

/** The permission bits as people write them. */
export function octal({ mode }: Pick<BigIntStats, 'mode'>): string {
  return (mode & 0o7777n).toString(8).padStart(4, '0');
}

function loose(path: string, want: string, got: string, hint: string): SpiffeError {
  return new SpiffeError('ERR_MOUNT_PERMISSIONS', `want ${want}, got ${got} on ${path}`, {
    hint,
    file: path,
  });
}
