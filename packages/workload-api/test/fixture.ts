import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import {
  type Clock,
  type SpiffeError,
  type SvidkitEvents,
  type X509Context,
  type X509Source,
} from '@svidkit/core';
import {
  createTestCa,
  type FakeWorkloadApi,
  type FakeWorkloadApiOptions,
  startFakeWorkloadApi,
  type TestCa,
  type X509Entry,
  x509Response,
  type X509ResponseFields,
  type X509ResponseOptions,
} from '@svidkit/testkit';
import { onTestFinished } from 'vitest';

/** A fake Workload API for one test, and what goes with it. */
export async function startFake(options: FakeWorkloadApiOptions = {}): Promise<FakeWorkloadApi> {
  const api = await startFakeWorkloadApi(options);
  onTestFinished(() => api.close());
  return api;
}

export const ca: Promise<TestCa> = createTestCa({ trustDomain: 'prod.example' });
export const otherCa: Promise<TestCa> = createTestCa({ trustDomain: 'other.example' });

/** What {@link answer} can be told about its identities. */
export interface AnswerOptions extends X509ResponseOptions {
  readonly hints?: readonly string[];
  /** Whose time begins each hour of validity; without, that of this machine. */
  readonly clock?: Clock;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** The message with one identity per path, all of prod.example, valid for an hour from now. */
export async function answer(
  paths: readonly string[],
  options: AnswerOptions = {},
): Promise<X509ResponseFields> {
  const bundle = await ca;
  const now = options.clock?.now() ?? Date.now();
  const { notBefore = now - 1_000, notAfter = now + 3_600_000 } = options;
  const entries: X509Entry[] = [];
  for (const [index, path] of paths.entries()) {
    const svid = await bundle.issue({
      path,
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
    });
    entries.push({ svid, bundle, hint: options.hints?.[index] ?? '' });
  }
  return x509Response(entries, options);
}

/** Closes what a test opened when it is over. */
export function closeLater<T extends AsyncDisposable>(one: T): T {
  onTestFinished(async () => one[Symbol.asyncDispose]());
  return one;
}

/** The next change of a source. */
export function nextUpdate(source: X509Source): Promise<X509Context | undefined> {
  const { promise, resolve } = Promise.withResolvers<X509Context | undefined>();
  const subscription = source.onUpdate((context) => {
    subscription[Symbol.dispose]();
    resolve(context);
  });
  return promise;
}

/** Collects what a channel says, for the length of a test; `next` waits for the first that fits. */
export function eventsOf<Name extends keyof SvidkitEvents>(
  name: Name,
): {
  readonly all: SvidkitEvents[Name][];
  next(fits: (event: SvidkitEvents[Name]) => boolean): Promise<SvidkitEvents[Name]>;
} {
  const all: SvidkitEvents[Name][] = [];
  const waiting = new Set<() => void>();
  const listener = (event: unknown): void => {
    all.push(event as SvidkitEvents[Name]);
    for (const look of waiting) look();
  };
  subscribe(name, listener);
  onTestFinished(() => void unsubscribe(name, listener));
  return {
    all,
    next: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = all.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Collects what a watcher is told, with barriers. */
export function recorder<T>(): {
  readonly updates: T[];
  readonly errors: SpiffeError[];
  readonly onUpdate: (state: T) => void;
  readonly onError: (error: SpiffeError) => void;
  /** Resolves when there have been so many of each. */
  readonly seen: (updates: number, errors?: number) => Promise<void>;
} {
  const updates: T[] = [];
  const errors: SpiffeError[] = [];
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const one of waiting) one();
  };
  return {
    updates,
    errors,
    onUpdate(state) {
      updates.push(state);
      look();
    },
    onError(error) {
      errors.push(error);
      look();
    },
    seen: (wantedUpdates, wantedErrors = 0) =>
      new Promise((resolve) => {
        const one = (): void => {
          if (updates.length < wantedUpdates || errors.length < wantedErrors) return;
          waiting.delete(one);
          resolve();
        };
        waiting.add(one);
        one();
      }),
  };
}
