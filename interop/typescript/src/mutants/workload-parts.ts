import http2, { type OutgoingHttpHeaders } from 'node:http2';

import { type BundleSet, type SpiffeError, X509Bundle } from '@svidkit/core';
import {
  type CallOptions,
  type Watcher,
  type WorkloadApiClient,
  type WorkloadApiX509SourceOptions,
  type WorkloadX509Context,
} from '@svidkit/workload-api';

import { engine } from '../engine.ts';

type Watch = WorkloadApiClient['watchX509Context'];
/** What a source asked its client to follow. */
export interface Following {
  readonly watcher: Watcher<WorkloadX509Context>;
  readonly options: CallOptions;
  readonly honest: Watch;
  readonly address: string;
  /** What the source was given before. */
  readonly memory: { before: WorkloadX509Context | undefined };
}

/** Sources follow in another way. */
export function watchAround(wrap: (following: Following) => Promise<void>): void {
  const honest = engine.openWorkloadApiX509Source;
  engine.openWorkloadApiX509Source = async (options) => {
    const client = engine.createWorkloadApiClient(options);
    const memory: Following['memory'] = { before: undefined };
    const wrapped: WorkloadApiClient = {
      ...client,
      address: client.address,
      closed: client.closed,
      watchX509Context: (watcher, given = {}) => {
        const honestly: Watch = (...args) => client.watchX509Context(...args);
        return wrap({ watcher, options: given, honest: honestly, address: client.address, memory });
      },
    };
    try {
      const opened = await honest({ ...options, client: wrapped });
      opened.closed.addEventListener('abort', () => void client.close());
      return opened;
    } catch (error) {
      await client.close();
      throw error;
    }
  };
}

/** Messages become others, or are passed over. What was before is told for each source by itself. */
export function eachMessage(
  change: (
    message: WorkloadX509Context,
    before: WorkloadX509Context | undefined,
  ) => WorkloadX509Context | undefined,
): void {
  watchAround(({ watcher, options, honest, memory }) =>
    honest(
      {
        onUpdate: (message) => {
          const changed = change(message, memory.before);
          memory.before = changed ?? message;
          if (changed !== undefined) watcher.onUpdate(changed);
        },
        onError: (error) => watcher.onError?.(error),
      },
      options,
    ),
  );
}

/** Errors become others, or are passed over. */
export function eachTrouble(change: (error: SpiffeError) => SpiffeError | undefined): void {
  watchAround(({ watcher, options, honest }) =>
    honest(
      {
        onUpdate: (message) => watcher.onUpdate(message),
        onError: (error) => {
          const changed = change(error);
          if (changed !== undefined) watcher.onError?.(changed);
        },
      },
      options,
    ),
  );
}

/** Sources are opened with other options. */
export function openedWith(
  change: (options: WorkloadApiX509SourceOptions) => WorkloadApiX509SourceOptions,
): void {
  const honest = engine.openWorkloadApiX509Source;
  engine.openWorkloadApiX509Source = async (options) => honest(change(options ?? {}));
}

/** All requests over HTTP/2 have other headers. */
export function eachRequest(change: (headers: Record<string, unknown>) => void): void {
  const honest = http2.connect;
  http2.connect = ((...args: Parameters<typeof honest>) => {
    const session = honest(...args);
    const request = session.request.bind(session);
    session.request = (headers, options) => {
      const changed: Record<string, unknown> = Object.fromEntries(Object.entries(headers ?? {}));
      change(changed);
      return request(changed as OutgoingHttpHeaders, options);
    };
    return session;
  }) as typeof honest;
}

/** Bundles of one set, and of another where the first has none. */
export function withBundlesOf(bundles: BundleSet, earlier: BundleSet): BundleSet {
  let all = bundles;
  for (const bundle of earlier) if (all.get(bundle.trustDomain) === undefined) all = all.with(bundle);
  return all;
}

/** One bundle with the authorities of two of the same trust domain. */
export function mergedBundle(one: X509Bundle, other: X509Bundle): X509Bundle {
  return X509Bundle.fromDer(
    one.trustDomain,
    [...one.authorities, ...other.authorities].map(({ der }) => der),
  );
}
