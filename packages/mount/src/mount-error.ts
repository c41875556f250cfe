import { SpiffeError, type SpiffeErrorCode } from '@svidkit/core';

interface Meaning {
  readonly code: SpiffeErrorCode;
  readonly got: string;
  readonly hint: string;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: {
    code: 'ERR_MOUNT_NOT_FOUND',
    got: 'nothing there',
    hint: 'Check that the volume is mounted in this container and that its writer has issued a first identity.',
  },
  ENOTDIR: {
    code: 'ERR_MOUNT_NOT_FOUND',
    got: 'a path through something that is no directory',
    hint: 'Check the configured path.',
  },
  EACCES: {
    code: 'ERR_MOUNT_UNREADABLE',
    got: 'permission denied',
    hint:
      'Give the group of this process access: securityContext.fsGroup of the pod, or the attribute ' +
      'spiffe.csi.cert-manager.io/fs-group of the volume.',
  },
  EPERM: {
    code: 'ERR_MOUNT_UNREADABLE',
    got: 'operation not permitted',
    hint: 'Check the permissions and the security policy of this process.',
  },
  ELOOP: {
    code: 'ERR_MOUNT_UNREADABLE',
    got: 'symbolic links that lead in a loop, or more than 40 of them',
    hint: 'Make the links lead to a file.',
  },
  EISDIR: {
    code: 'ERR_MOUNT_FILE_TYPE',
    got: 'a directory',
    hint: 'A missing source makes a directory of a single-file mount. Mount the directory that holds the files.',
  },
  ESTALE: {
    code: 'ERR_MOUNT_STALE',
    got: 'a handle that its file server no longer knows',
    hint: 'Restart the pod, so that the volume is mounted again.',
  },
  EMFILE: {
    code: 'ERR_MOUNT_UNREADABLE',
    got: 'no file descriptor left in this process',
    hint: 'Raise the limit of open files, or look for what leaks them.',
  },
};

/**
 * The failure of `node:fs` at `path` as a {@link SpiffeError}: `ERR_MOUNT_NOT_FOUND`, `ERR_MOUNT_UNREADABLE`,
 * `ERR_MOUNT_FILE_TYPE` or `ERR_MOUNT_STALE`.
 *
 * @param wanted - what the file is for, such as `the private key`.
 */
export function mountError(cause: unknown, path: string, wanted: string): SpiffeError {
  const errorCode = errnoOf(cause);
  const { code, got, hint } = MEANINGS[errorCode] ?? {
    code: 'ERR_MOUNT_UNREADABLE',
    got: 'a failure of the file system',
    hint: 'Look at the volume and at the log of its node.',
  };
  return new SpiffeError(code, `want ${wanted} in ${path}, got ${got} (${errorCode})`, {
    hint,
    file: path,
    cause,
  });
}

/** The code of a failure of `node:fs`, such as `ENOENT`; `unknown` for other errors. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

/** An error of the file system that no system call gave. */
export function errno(code: 'ELOOP' | 'ENOTDIR' | 'ENOENT'): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
