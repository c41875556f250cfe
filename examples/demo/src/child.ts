import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

import { dispatch, type Handlers } from './dispatch.ts';
import { type ChildConfig, type FromChild, type ToChild } from './messages.ts';

/** The demo, as a child process sees it. */
export interface Parent {
  readonly config: ChildConfig;
  send(message: FromChild): void;
  /** Gives each message of the demo to its handler. */
  listen(handlers: Handlers<ToChild>): void;
  /** Sends what is left and ends this process. */
  leave(): void;
}

/** Connects this process to the demo that started it, and makes it end with the demo. */
export function parentOf(): Parent {
  if (process.send === undefined) throw new Error('this is a part of the demo; run `npm start`');
  const config = JSON.parse(process.argv[2] ?? '{}') as ChildConfig;
  const orphaned = (): void => {
    removeMount(config.directory);
    process.exit(1);
  };
  process.on('disconnect', orphaned);
  if (!process.connected) orphaned();
  return {
    config,
    send: (message) => void process.send?.(message, undefined, undefined, () => {}),
    listen: (handlers) => void process.on('message', (message: ToChild) => dispatch(handlers, message)),
    leave: () => {
      process.send?.({ type: 'stopped' } satisfies FromChild, undefined, undefined, () => process.exit(0));
    },
  };
}

/** The demo was killed and cannot tidy up: no keys are left behind. */
function removeMount(directory: string): void {
  if (directory === '') return;
  try {
    rmSync(directory, { recursive: true, force: true });
    rmdirSync(dirname(directory)); // the last one to leave
  } catch {
    // Others are still there.
  }
}
