import { type Socket } from 'node:net';

import { type Clock, type Timer } from '@svidkit/core';

import { type HandshakeLimits } from './handshake-limits.ts';
import { type Credential } from './identity.ts';

/** A handshake in flight. */
export interface PendingHandshake {
  /** What it shows; undefined: nothing, so it cannot succeed. */
  readonly own: Credential | undefined;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** In milliseconds since the Unix epoch. */
  readonly begunAt: number;
}

/** What bounds handshakes. */
export interface PendingOptions {
  readonly clock: Clock;
  readonly limits: HandshakeLimits;
  readonly timeoutMs: number;
  /** Called with each that takes too long; it is pending until it is taken. */
  readonly late: (raw: Socket) => void;
}

/**
 * The handshakes of one server that are in flight, the oldest first. One timer for all, since a connection is too cheap
 * for a timer of its own.
 */
export class PendingHandshakes {
  readonly #options: PendingOptions;
  readonly #pending = new Map<Socket, PendingHandshake>();
  #timer: Timer | undefined;

  constructor(options: PendingOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): Iterator<[Socket, PendingHandshake]> {
    return this.#pending.entries();
  }

  /** The connections on which they are. */
  sockets(): Iterable<Socket> {
    return this.#pending.keys();
  }

  /** @throws {@link SpiffeError} `ERR_PEER_LIMIT` when there are too many. */
  add(raw: Socket, own: Credential | undefined): void {
    // Read now: a socket that was reset does not know any more whose it was.
    const { remoteAddress, remotePort } = raw;
    const { clock, limits, timeoutMs } = this.#options;
    limits.begin(remoteAddress);
    this.#pending.set(raw, { own, remoteAddress, remotePort, begunAt: clock.now() });
    if (this.#timer === undefined) this.#wakeIn(timeoutMs);
  }

  /** Ends one, however it went: the first to ask is told of it, the others get undefined. */
  take(raw: Socket): PendingHandshake | undefined {
    const entry = this.#pending.get(raw);
    if (entry === undefined) return undefined;
    this.#pending.delete(raw);
    this.#options.limits.end();
    return entry;
  }

  #wakeIn(delayMs: number): void {
    this.#timer = this.#options.clock.setTimer(() => this.#sweep(), delayMs);
    this.#timer.unref();
  }

  /** More left than there was at first: the clock of the machine was set back. Then none is waited for any longer. */
  #sweep(): void {
    this.#timer = undefined;
    const { clock, timeoutMs, late } = this.#options;
    const now = clock.now();
    for (const [raw, { begunAt }] of this.#pending) {
      const left = begunAt + timeoutMs - now;
      if (left > 0 && left <= timeoutMs) return this.#wakeIn(left);
      late(raw);
    }
  }
}
