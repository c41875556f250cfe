import { status as Status } from '@grpc/grpc-js';
import { type Clock, SpiffeError, type Timer } from '@svidkit/core';

import { type Backoff } from './backoff.ts';
import { statusError } from './status-error.ts';
import { streamCall, type StreamCall } from './stream-call.ts';

/** Who follows a stream. */
export interface Watcher<T> {
  /** Takes each new state, whole. What it throws ends the watch. */
  onUpdate(state: T): void;
  /**
   * Takes what went wrong: a bad message, which is discarded, or a stream that broke, which is opened again. The last
   * state stays good, except after `ERR_WORKLOAD_API_DENIED`, which withdraws it (Workload API 5.2.1).
   */
  onError?(error: SpiffeError): void;
}

/** A stream to follow. */
export interface WatchOptions<T> extends Omit<StreamCall, 'onMessage'> {
  /** What is asked for, for messages. */
  readonly what: string;
  /** Reads a message. Throws a {@link SpiffeError} when it is bad. */
  readonly read: (bytes: Uint8Array) => T;
  readonly watcher: Watcher<T>;
  readonly backoff: Backoff;
  readonly clock: Clock;
}

/** Streams that last for less end too soon. */
const SHORT_MS = 1_000;
/** How many of them in a row are opened again at once. */
const MOST_SHORT = 3;

/**
 * Follows a stream until `signal` aborts: opens it again whenever it ends, at once after an end in good order, with
 * growing pauses after a failure.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_REFUSED`, `ERR_WORKLOAD_API_UNIMPLEMENTED`, and what else is final for the
 * endpoint: trying again cannot help.
 */
export async function watch<T>(options: WatchOptions<T>): Promise<void> {
  const { endpoint, what, signal, read, watcher, backoff, clock } = options;
  let shortStreams = 0;
  while (!signal.aborted) {
    const startedAt = clock.now();
    let hasDelivered = false;
    const onMessage = (bytes: Uint8Array): void => {
      let state: T;
      try {
        state = read(bytes);
      } catch (error) {
        if (!(error instanceof SpiffeError)) throw error;
        watcher.onError?.(error);
        return;
      }
      hasDelivered = true;
      backoff.reset();
      watcher.onUpdate(state);
    };
    const changed = endpoint.beginCall?.();
    const status = await streamCall({ ...options, onMessage });
    if (signal.aborted) return;
    if (status.code === Status.OK) {
      // Workload API 4.2. A server that ends every stream at once must not keep us busy.
      shortStreams = clock.now() - startedAt < SHORT_MS ? shortStreams + 1 : 0;
      if (hasDelivered && shortStreams <= MOST_SHORT) continue;
    } else {
      const error = await statusError(status, endpoint, what);
      if (signal.aborted) return;
      if (endpoint.isFinal(error)) throw error;
      watcher.onError?.(error);
      await changed?.(error, signal);
    }
    await pause(clock, backoff.next(), signal);
  }
}

async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let timer: Timer | undefined;
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  signal.addEventListener('abort', end, { once: true });
  try {
    timer = clock.setTimer(end, delayMs);
    await over.promise;
  } finally {
    timer?.clear();
    signal.removeEventListener('abort', end);
  }
}
