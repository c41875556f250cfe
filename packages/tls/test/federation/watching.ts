import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type SvidkitEvents } from '@svidkit/core';
import { type ManualClock, manualClock } from '@svidkit/testkit';
import {
  type BundleEndpoint,
  type FederatedBundle,
  watchBundle,
  type WatchBundleOptions,
} from '@svidkit/tls/federation';

import { closing } from '../fixtures.ts';

/** Ahead of the certificates, so that they are valid by it. */
export const clockAhead = (): ManualClock => manualClock(Date.now() + 60_000);

/** A federated bundle, closed after the test. */
export async function watch(
  parameters: BundleEndpoint,
  options: WatchBundleOptions & { signal?: AbortSignal } = {},
): Promise<FederatedBundle> {
  return closing(await watchBundle(parameters, options), (bundle) => bundle.close());
}

/** The outcomes of fetches, and a way to wait for them. */
export class Fetches {
  readonly all: SvidkitEvents['svidkit:federation.fetch'][] = [];
  #wake: () => void = () => {};

  constructor() {
    const listener = (event: unknown): void => {
      this.all.push(event as (typeof this.all)[number]);
      this.#wake();
    };
    subscribe('svidkit:federation.fetch', listener);
    closing(listener, () => unsubscribe('svidkit:federation.fetch', listener));
  }

  get outcomes(): readonly string[] {
    return this.all.map(({ outcome }) => outcome);
  }

  async until(count: number): Promise<void> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    // The next one is set up after the event about this one.
    await new Promise(setImmediate);
  }
}

/** The path of a file in a directory of its own, which is removed after the test. */
export async function storeFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'svidkit-bundle-'));
  closing(directory, () => rm(directory, { recursive: true, force: true }));
  return join(directory, 'b.test.json');
}
