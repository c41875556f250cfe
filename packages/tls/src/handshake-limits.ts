import { type Clock, SpiffeError } from '@svidkit/core';

/** How much a server lets unknown peers cost it. */
export interface HandshakeLimitOptions {
  /** Milliseconds a handshake may take. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /** Handshakes in flight at once; further connections are dropped. 0 disables. @default 1024 */
  readonly maxHandshakes?: number;
  /**
   * Failed handshakes that one address may have at once; it earns one back every 100 ms. Further connections from
   * it are dropped until then. Behind a proxy or a NAT all clients share an address: raise it there, or 0 to disable.
   * @default 256
   */
  readonly maxFailuresPerAddress?: number;
}

/** Addresses remembered at most; the oldest is forgotten first. */
const MAX_ADDRESSES = 4096;
const EARN_BACK_MS = 100;

/** Counts handshakes in flight and failures per address. Bounded in memory. */
export class HandshakeLimits {
  readonly #clock: Clock;
  readonly #maxHandshakes: number;
  readonly #maxFailures: number;
  readonly #failures = new Map<string, { count: number; at: number }>();
  #inFlight = 0;

  constructor(clock: Clock, maxHandshakes: number, maxFailuresPerAddress: number) {
    this.#clock = clock;
    this.#maxHandshakes = maxHandshakes;
    this.#maxFailures = maxFailuresPerAddress;
  }

  /**
   * Counts a handshake that begins. Call {@link end} once when it has ended, however it ended.
   *
   * @throws {@link SpiffeError} `ERR_PEER_LIMIT` when this one is too many.
   */
  begin(address: string | undefined): void {
    if (this.#maxHandshakes > 0 && this.#inFlight >= this.#maxHandshakes) {
      throw new SpiffeError('ERR_PEER_LIMIT', `${this.#inFlight} handshakes are in flight already`, {
        hint: 'Raise maxHandshakes if this load is legitimate.',
      });
    }
    if (address !== undefined && this.#failuresOf(address) >= this.#maxFailures && this.#maxFailures > 0) {
      throw new SpiffeError('ERR_PEER_LIMIT', `too many failed handshakes from ${address}`, {
        hint: 'Find out why this address fails (peer.rejected events), or raise maxFailuresPerAddress.',
      });
    }
    this.#inFlight += 1;
  }

  /** Counts that a handshake that was let begin is over. */
  end(): void {
    this.#inFlight -= 1;
  }

  /** Counts a failure of an address. */
  failed(address: string | undefined): void {
    if (address === undefined || this.#maxFailures === 0) return;
    const count = this.#failuresOf(address) + 1;
    this.#failures.delete(address);
    this.#failures.set(address, { count, at: this.#clock.now() });
    if (this.#failures.size > MAX_ADDRESSES) {
      const oldest = this.#failures.keys().next();
      if (oldest.done !== true) this.#failures.delete(oldest.value);
    }
  }

  #failuresOf(address: string): number {
    const entry = this.#failures.get(address);
    if (entry === undefined) return 0;
    const left = entry.count - Math.floor((this.#clock.now() - entry.at) / EARN_BACK_MS);
    if (left > 0) return left;
    this.#failures.delete(address);
    return 0;
  }
}
