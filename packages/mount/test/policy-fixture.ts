import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

import {
  type AuthorizedSubject,
  Certificate,
  SpiffeId,
  type SpiffeError,
  type SvidkitEvents,
} from '@svidkit/core';
import { createTestCa, type ManualClock, manualClock } from '@svidkit/testkit';
import { onTestFinished } from 'vitest';

import { type MountPorts, systemPorts } from '../src/mount-ports.ts';
import { DenyListFile } from '../src/open-mounted-deny-list.ts';
import { MigrationPolicyFile } from '../src/open-mounted-migration-policy.ts';
import { type PolicyFileOptions } from '../src/policy-file-options.ts';
import { type WatchedFile } from '../src/watched-file.ts';
import { type Mode } from './open-reader.ts';

/** So long that no poll comes in between when events are to be proved. */
const NEVER_MS = 1e9;
const BOUND_MS = 10_000;

/** A policy file that was opened or is being opened, and what it has told since. */
interface Followed<File extends WatchedFile> {
  readonly file: File;
  /** Resolves and rejects as the opening does. */
  readonly opening: Promise<void>;
  readonly errors: readonly SpiffeError[];
  /** The kinds of the updates. */
  readonly updates: readonly string[];
  /** Does `change`, and waits for the update that the reader makes of it by its own means: nobody asks it to look. */
  readonly update: (change: () => Promise<unknown>) => Promise<void>;
  /** Lets `ms` milliseconds pass in steps, with a look after each. */
  readonly pass: (ms: number, stepMs?: number) => Promise<void>;
}

type Options = PolicyFileOptions<unknown>;

/** A directory, a clock and ways to open policy files in it, for one test. */
export interface PolicyFixture {
  readonly mode: Mode;
  readonly clock: ManualClock;
  readonly path: (name: string) => string;
  readonly denyList: (options?: Options, ports?: Partial<MountPorts>) => Followed<DenyListFile>;
  readonly migrationPolicy: (options?: Options, ports?: Partial<MountPorts>) => Followed<MigrationPolicyFile>;
}

function portsWith(ports: Partial<MountPorts> = {}): MountPorts {
  return { ...systemPorts(), random: () => 0.5, ...ports };
}

/** The text of a deny list. */
export function denying(...paths: readonly string[]): string {
  const ids = paths.map((path) => `spiffe://prod.example${path}`);
  return JSON.stringify({ version: 1, deny: { ids } });
}

/** A fixture that goes away with the test. The files are `mount/deny.json` and `mount/policy.json`. */
export async function policyFixture(mode: Mode): Promise<PolicyFixture> {
  const root = await mkdtemp(join(tmpdir(), 'svidkit-policy-'));
  const clock = manualClock();
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const path = (name: string): string => join(root, name);
  const defaults: Options = { clock, ...(mode === 'poll' ? { watch: false } : { pollIntervalMs: NEVER_MS }) };
  return {
    mode,
    clock,
    path,
    denyList: (options, ports) =>
      follow(
        new DenyListFile(path('mount/deny.json'), { ...defaults, ...options } as object, portsWith(ports)),
        mode,
        clock,
      ),
    migrationPolicy: (options, ports) =>
      follow(
        new MigrationPolicyFile(
          path('mount/policy.json'),
          { ...defaults, ...options } as object,
          portsWith(ports),
        ),
        mode,
        clock,
      ),
  };
}

const ca = await createTestCa({ trustDomain: 'prod.example' });
const { chainDer } = await ca.issue({ path: '/any' });
const leaf = Certificate.parse(chainDer[0] ?? new Uint8Array());

/** A peer with the SPIFFE ID of `path`, and a key that all of them share. */
function peer(path: string): AuthorizedSubject {
  return { id: SpiffeId.parse(`spiffe://prod.example${path}`), leaf };
}

/** Which of `paths` are denied. */
export function deniedOf(list: DenyListFile, ...paths: readonly string[]): readonly string[] {
  return paths.filter((path) => list.reason(peer(path)) !== undefined);
}

function follow<File extends WatchedFile>(file: File, mode: Mode, clock: ManualClock): Followed<File> {
  const errors: SpiffeError[] = [];
  const updates: string[] = [];
  let updated = Promise.withResolvers<void>();
  const onErrorMessage = (message: unknown): void => {
    const { source, error } = message as SvidkitEvents['svidkit:source.error'];
    if (source === undefined && error.file?.startsWith(join(file.file, '..')) === true) errors.push(error);
  };
  const onUpdateMessage = (message: unknown): void => {
    const event = message as SvidkitEvents['svidkit:policy.update'];
    if (event.file !== file.file) return;
    updates.push(event.kind);
    updated.resolve();
  };
  subscribe('svidkit:source.error', onErrorMessage);
  subscribe('svidkit:policy.update', onUpdateMessage);
  onTestFinished(async () => {
    unsubscribe('svidkit:source.error', onErrorMessage);
    unsubscribe('svidkit:policy.update', onUpdateMessage);
    await file.close();
  });
  // It opens in the middle of its first look, and only the end of that sets the timer that tests move the clock to.
  const opening = openWhole();
  async function openWhole(): Promise<void> {
    await file.open();
    while (clock.pending === 0 && !file.closed.aborted) await setImmediate();
  }
  // Who wants to know awaits it.
  opening.catch(() => undefined);
  return {
    file,
    opening,
    errors,
    updates,
    async update(change) {
      updated = Promise.withResolvers();
      const { promise } = updated;
      await change();
      // The longest that a poll takes.
      if (mode === 'poll') clock.advance(600);
      const isDone = promise.then(() => true);
      for (const end = performance.now() + BOUND_MS; performance.now() < end;) {
        if (mode === 'inotify') clock.advance(10);
        if (await Promise.race([isDone, sleep(2, false)])) return;
      }
      throw new Error(`want an update, got ${file.lastError?.message ?? 'none'}`);
    },
    async pass(ms, stepMs = 50) {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.advance(Math.min(stepMs, left));
        await file.check();
      }
    },
  };
}
