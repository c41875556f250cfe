import { status as Status } from '@grpc/grpc-js';
import { type Clock, SpiffeError } from '@svidkit/core';

import { badMessage } from './bad-message.ts';
import { statusError } from './status-error.ts';
import { streamCall, type StreamCall } from './stream-call.ts';

/** A call of which one message is wanted. */
export interface FetchOptions<T> extends Omit<StreamCall, 'onMessage' | 'signal'> {
  readonly what: string;
  readonly read: (bytes: Uint8Array) => T;
  readonly clock: Clock;
  /** Milliseconds until it fails. */
  readonly timeoutMs: number;
  /** Any of them ends it, with its reason. */
  readonly signals: readonly AbortSignal[];
  /** What must not be in messages of errors. */
  readonly secrets?: readonly string[];
}

/**
 * The first message of a call. Nothing is repeated.
 *
 * @throws {@link SpiffeError} `ERR_WORKLOAD_API_*`, and what is wrong with the message; the reason of a signal.
 */
export async function fetchFirst<T>(options: FetchOptions<T>): Promise<T> {
  const { endpoint, what, read, clock, timeoutMs, signals, secrets } = options;
  for (const signal of signals) signal.throwIfAborted();
  const late = new AbortController();
  const timer = clock.setTimer(() => late.abort(tooLate(options)), timeoutMs);
  const done = new AbortController();
  const signal = AbortSignal.any([late.signal, done.signal, ...signals]);
  let first: { readonly value: T } | undefined;
  try {
    const status = await streamCall({
      ...options,
      signal,
      onMessage(bytes) {
        first = { value: read(bytes) };
        done.abort();
      },
    });
    if (first !== undefined) return first.value;
    signal.throwIfAborted();
    if (status.code === Status.OK) throw badMessage(`the end of the call without ${what}`);
    throw await statusError(status, endpoint, what, secrets);
  } finally {
    timer.clear();
  }
}

function tooLate({
  endpoint: { name, address },
  what,
  timeoutMs,
}: Pick<FetchOptions<unknown>, 'endpoint' | 'what' | 'timeoutMs'>): SpiffeError {
  return new SpiffeError(
    'ERR_WORKLOAD_API_TIMEOUT',
    `want ${what} from ${name} at ${address.text} within ${timeoutMs} ms, got no answer`,
    { hint: 'The agent is overloaded or hangs. Look at its log, or raise option timeoutMs.' },
  );
}
