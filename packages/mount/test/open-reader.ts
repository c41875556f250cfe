import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';

import { type SourceHealth, type SpiffeError, type SvidkitEvents, type X509Context } from '@svidkit/core';
import { type ManualClock } from '@svidkit/testkit';

import { type MountOptions, mountSettings } from '../src/mount-options.ts';
import { type MountPorts, systemPorts } from '../src/mount-ports.ts';
import { MountedSource } from '../src/mounted-source.ts';

/** How the reader finds out that something has changed. */
export type Mode = 'inotify' | 'poll';

const POLL_MS = 10_000;
/** So long that no poll comes in between when events are to be proved. */
const NEVER_MS = 1e9;
const BOUND_MS = 10_000;

/** An open source and all that it has told. */
export interface OpenReader extends AsyncDisposable {
  readonly source: MountedSource;
  /** Each update with its reason. */
  readonly updates: readonly { readonly context: X509Context | undefined; readonly reason: string }[];
  readonly errors: readonly SpiffeError[];
  readonly healths: readonly SourceHealth[];
  /** The reasons of the updates. */
  readonly reasons: () => readonly string[];
  /** Does `change`, and waits for the update that the reader makes of it by its own means. */
  readonly update: (change: () => Promise<unknown>) => Promise<X509Context>;
  /** Does `change`, lets the reader look at it, and expects no update of it. */
  readonly silence: (change: () => Promise<unknown>) => Promise<void>;
  /** Lets `ms` milliseconds pass in steps, with a look after each. */
  readonly pass: (ms: number, stepMs?: number) => Promise<void>;
}

/** Opens a reader with a manual clock and records what it tells. */
export async function openReader(
  mode: Mode,
  clock: ManualClock,
  options: MountOptions,
  ports: Partial<MountPorts>,
): Promise<OpenReader> {
  const byMode = mode === 'poll' ? { watch: false, pollIntervalMs: POLL_MS } : { pollIntervalMs: NEVER_MS };
  const settings = mountSettings({ clock, env: {}, ...byMode, ...options });
  const source = new MountedSource(settings, { ...systemPorts(), random: () => 0.5, ...ports });
  const updates: { context: X509Context | undefined; reason: string }[] = [];
  const errors: SpiffeError[] = [];
  const healths: SourceHealth[] = [];
  const stop = [
    record('svidkit:source.update', source, ({ context, reason }) => updates.push({ context, reason })),
    record('svidkit:source.error', source, ({ error }) => errors.push(error)),
    record('svidkit:source.health', source, ({ health }) => healths.push(health)),
  ];
  await source.open();

  /** Lets the reader find out by its own means that there is something to look at. */
  const notice = async (isDone: () => boolean): Promise<void> => {
    if (mode === 'poll') {
      clock.advance(POLL_MS * 1.2);
      await source.check();
      return;
    }
    for (const end = performance.now() + BOUND_MS; !isDone() && performance.now() < end;) {
      clock.advance(10);
      await sleep(2);
    }
  };
  return {
    async [Symbol.asyncDispose]() {
      await source.close();
      for (const each of stop) each();
    },
    source,
    updates,
    errors,
    healths,
    reasons: () => updates.map(({ reason }) => reason),
    async update(change) {
      const count = updates.length;
      await change();
      await notice(() => updates.length > count);
      const { context } = updates.at(count) ?? {};
      if (context === undefined)
        throw new Error(`want an update, got ${source.health().lastError?.message ?? 'none'}`);
      return source.current;
    },
    async silence(change) {
      const count = updates.length;
      await change();
      if (mode === 'poll') clock.advance(POLL_MS * 1.2);
      await source.check();
      if (updates.length > count) throw new Error(`want no update, got ${updates.at(-1)?.reason}`);
    },
    async pass(ms, stepMs = ms) {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.advance(Math.min(stepMs, left));
        await source.check();
      }
    },
  };
}

function record<Name extends keyof SvidkitEvents>(
  name: Name,
  source: MountedSource,
  note: (event: SvidkitEvents[Name]) => void,
): () => void {
  const listener = (message: unknown): void => {
    const event = message as SvidkitEvents[Name];
    if ('source' in event && event.source === source) note(event);
  };
  subscribe(name, listener);
  return () => void unsubscribe(name, listener);
}
