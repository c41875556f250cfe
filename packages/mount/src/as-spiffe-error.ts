import { SpiffeError } from '@svidkit/core';

/** Whatever is no {@link SpiffeError} is a defect of the reader; it is told, and the last good state goes on. */
export function asSpiffeError(error: unknown): SpiffeError {
  if (error instanceof SpiffeError) return error;
  return new SpiffeError('ERR_MOUNT_UNREADABLE', `reading the mount failed unexpectedly: ${String(error)}`, {
    hint: 'This is a defect of the reader. Please report it with the cause of this error.',
    cause: error,
  });
}
