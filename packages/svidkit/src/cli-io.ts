import { type Clock } from '@svidkit/core';

import { type Terminal } from './terminal.ts';

/** The world as a command sees it. */
export interface CliIo {
  /** Where results go. */
  readonly stdout: Terminal;
  /** Where complaints about usage go. */
  readonly stderr: Terminal;
  /** The environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}
