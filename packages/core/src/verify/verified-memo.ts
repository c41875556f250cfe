import { byteKey } from '../byte-key.ts';
import { type Certificate } from '../certificate.ts';
import { type Role } from './purpose.ts';

const MOST_LEAVES = 4096;
const MOST_ISSUERS = 256;

/** What is remembered: at least the leaf, and when it stops to hold. */
export interface Remembered {
  readonly leaf: Certificate;
  readonly path: readonly Certificate[];
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * What was verified against one set of bundles: leaves, so that a peer that connects again costs a look-up, and
 * their intermediates, so that those are read and checked once. Only what led to an anchor is kept, so nobody
 * without an authority can fill it; and it is bounded, so those with one cannot either.
 */
export class VerifiedMemo<T extends Remembered> {
  readonly #leaves = new Map<string, T>();
  readonly #issuers = new Map<string, Certificate>();

  /** What is known about a leaf, if it holds at `at`. */
  recall(role: Role, leaf: Uint8Array, at: number): T | undefined {
    const key = role + byteKey(leaf);
    const known = this.#leaves.get(key);
    if (known === undefined) return undefined;
    // rule: memo.window-start
    if (at < known.notBefore) return undefined;
    // rule: memo.window-end
    if (at > known.notAfter) return undefined;
    // While there is room for as many again, nothing is dropped soon, and the order does not matter.
    if (this.#leaves.size > MOST_LEAVES / 2) touch(this.#leaves, key, known, MOST_LEAVES);
    return known;
  }

  /** The intermediate with this encoding, if it was on a path before. */
  issuer(der: Uint8Array): Certificate | undefined {
    return this.#issuers.get(byteKey(der));
  }

  /** The intermediates that were on a path before. */
  issuers(): readonly Certificate[] {
    return [...this.#issuers.values()];
  }

  /** Keeps what was verified. */
  remember(role: Role, verified: T): void {
    touch(this.#leaves, role + byteKey(verified.leaf.der), verified, MOST_LEAVES);
    for (const issuer of verified.path.slice(1, -1))
      touch(this.#issuers, byteKey(issuer.der), issuer, MOST_ISSUERS);
  }
}

/** Puts an entry at the young end of a map, and drops the oldest when there are too many. */
function touch<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
