import { type X509Source } from '@svidkit/core';

import { type LayoutName } from './layout.ts';
import { type WatchMode } from './watch-hints.ts';

/** A source over mounted files. */
export interface MountedX509Source extends X509Source {
  /** How the files are named. */
  readonly layout: LayoutName;
  /** The directory that they are in. */
  readonly directory: string;
  /** How changes are noticed now; `poll` also while the file system gives no events although they are wanted. */
  watchMode(): WatchMode;
  /**
   * Looks at the files now, without waiting for an event or the next poll. Resolves when a look that began after
   * the call is over, whatever it found; never rejects.
   */
  check(): Promise<void>;
  /** Whether an older SVID is in use, because a newer one with a shorter life has ended. */
  readonly fallbackInUse: boolean;
  /** Whether our own chain leads to the bundle of our own trust domain, as peers will want. */
  readonly chainVerified: boolean;
}
