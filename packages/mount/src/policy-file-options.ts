import { resolve } from 'node:path';

import { type Clock, type SvidkitEvents, systemClock } from '@svidkit/core';

import { atLeast, flag, text } from './mount-options.ts';

/** How a mounted deny list or migration policy is followed. Everything may be left out. */
export interface PolicyFileOptions<Values> {
  /** What is in use until the file can be used for the first time. Without, opening fails when it cannot. */
  readonly fallback?: Values;
  /** Milliseconds to wait for a usable file. 0 does not wait. @default 0 */
  readonly wait?: number;
  /** Milliseconds between two looks, +-20 %; at least 10. Events of the file system come in between. @default 500 */
  readonly pollIntervalMs?: number;
  /** Whether to take hints from the file system (inotify); without, polling alone finds changes. @default true */
  readonly watch?: boolean;
  /** Where time comes from. */
  readonly clock?: Clock;
  /** Ends the opening; the promise is then rejected with its reason. No effect afterwards. */
  readonly signal?: AbortSignal;
}

/** What stands in a file that is followed. */
export type FileKind = SvidkitEvents['svidkit:policy.update']['kind'] | 'jwt-svid' | 'jwt-bundle';

/** {@link PolicyFileOptions}, checked and complete. */
export interface PolicyFileSettings {
  /** Absolute. */
  readonly file: string;
  readonly kind: FileKind;
  readonly hasFallback: boolean;
  readonly waitMs: number;
  readonly pollIntervalMs: number;
  readonly watch: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function policyFileSettings(
  file: string,
  kind: PolicyFileSettings['kind'],
  options: PolicyFileOptions<unknown>,
): PolicyFileSettings {
  return {
    file: resolve(text('file', file)),
    kind,
    hasFallback: options.fallback !== undefined,
    waitMs: atLeast('wait', options.wait ?? 0, 0),
    pollIntervalMs: atLeast('pollIntervalMs', options.pollIntervalMs ?? 500, 10),
    watch: flag('watch', options.watch, true),
    clock: options.clock ?? systemClock,
    signal: options.signal,
  };
}
