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
/** How long a stream may be without its first message. Who takes a call and says nothing may never say so. */
const FIRST_MESSAGE_MS = 20_000;

/**
 * Follows a stream until `signal` aborts: opens it again whenever it ends, at once after an end in good order, with
 * growing pauses after a failure, which it also is to send nothing for 20 s from the beginning. A stream that has sent
 * something has no limit of time.
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
    const limit = new FirstMessageLimit(clock, signal);
    const onMessage = (bytes: Uint8Array): void => {
      limit.clear();
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
    let status: Awaited<ReturnType<typeof streamCall>>;
    try {
      status = await streamCall({ ...options, signal: limit.signal, onMessage });
    } finally {
      limit[Symbol.dispose]();
    }
    if (signal.aborted) return;
    if (limit.isOver) {
      watcher.onError?.(saidNothing(options));
    } else if (status.code === Status.OK) {
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

/** Ends a stream with its watch, or when its first message is late. */
class FirstMessageLimit implements Disposable {
  isOver = false;
  readonly #watch: AbortSignal;
  readonly #stream = new AbortController();
  readonly #timer: Timer;

  constructor(clock: Clock, watching: AbortSignal) {
    this.#watch = watching;
    this.#timer = clock.setTimer(() => {
      this.isOver = true;
      this.#stream.abort();
    }, FIRST_MESSAGE_MS);
    watching.addEventListener('abort', this.#end, { once: true });
  }

  get signal(): AbortSignal {
    return this.#stream.signal;
  }

  /** The message came. */
  clear(): void {
    this.#timer.clear();
  }

  [Symbol.dispose](): void {
    this.clear();
    this.#watch.removeEventListener('abort', this.#end);
  }

  readonly #end = (): void => {
    this.clear();
    this.#stream.abort();
  };
}

function saidNothing({
  endpoint: { name, address },
  what,
}: Pick<WatchOptions<unknown>, 'endpoint' | 'what'>): SpiffeError {
  return new SpiffeError(
    'ERR_WORKLOAD_API_TIMEOUT',
    `want ${what} from ${name} at ${address.text}, which took the call and has sent nothing within ${FIRST_MESSAGE_MS} ms`,
    { hint: 'The agent is overloaded or hangs. Look at its log.' },
  );
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
