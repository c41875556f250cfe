import { createHash } from 'node:crypto';

/** Numbers that a seed decides. */
export class SeededRandom {
  #state: Buffer;

  constructor(seed: string) {
    this.#state = createHash('sha256').update(seed).digest();
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    this.#state = createHash('sha256').update(this.#state).digest();
    return this.#state.readUInt32BE(0) % below;
  }
}
