import { SpiffeError } from '../src/errors.ts';

/** The SpiffeError that `run` throws; anything else that happens is an error of the test. */
export function failureOf(run: () => unknown): SpiffeError {
  try {
    run();
  } catch (error) {
    if (error instanceof SpiffeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** The code of the SpiffeError that `run` throws, or `accepted`; anything else that happens is an error of the test. */
export function outcomeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SpiffeError) return error.code;
    throw error;
  }
  return 'accepted';
}
