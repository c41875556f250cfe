import { INSPECT } from './inspect-custom.ts';
import { readId, requireString, requireTrustDomainName } from './spiffe-id-syntax.ts';
// Each names the other; neither runs the other while it loads, so either may be imported first.
// oxlint-disable-next-line import/no-cycle
import { SpiffeId } from './spiffe-id.ts';

/**
 * The name of a trust domain, such as `prod.example`. Parsing a name again gives the same object for as long as
 * anyone holds it, so sets and maps of trust domains work; {@link TrustDomain.equals} also holds between two
 * copies of this package.
 *
 * @see SPIFFE-ID 2.1
 */
export class TrustDomain {
  /** The name, 1 to 255 bytes of `[a-z0-9.-_]`. */
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
    Object.freeze(this);
  }

  /**
   * Reads a trust domain.
   *
   * @param text - a trust domain name, or a whole SPIFFE ID, of which the path is ignored (but has to be legal).
   * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG` (255 bytes of name, 2048 of ID).
   */
  static parse(text: string): TrustDomain {
    const name = readName(text);
    const known = alive.get(name)?.deref();
    if (known !== undefined) return known;
    const trustDomain = new TrustDomain(name);
    alive.set(name, new WeakRef(trustDomain));
    forgotten.register(trustDomain, name);
    return trustDomain;
  }

  /** The SPIFFE ID of the trust domain itself: no path. */
  get id(): SpiffeId {
    return SpiffeId.fromPath(this, '');
  }

  /** Whether `other` has the same name, byte for byte (SPIFFE-ID 2.1: never as DNS names or IP addresses). */
  equals(other: TrustDomain): boolean {
    return this.name === other.name;
  }

  /** Orders by the bytes of the names: negative, zero or positive. */
  compare(other: TrustDomain): number {
    if (this.name === other.name) return 0;
    return this.name < other.name ? -1 : 1;
  }

  /** The name. */
  toString(): string {
    return this.name;
  }

  /** The name. */
  toJSON(): string {
    return this.name;
  }

  /** @internal */
  [INSPECT](): string {
    return `TrustDomain(${this.name})`;
  }
}

/**
 * Takes a trust domain (also one of another copy of this package) or its name.
 *
 * @internal
 */
export function toTrustDomain(given: TrustDomain | string): TrustDomain {
  // What has no name is refused by the parser: JavaScript callers pass null and lists, which have text all the same.
  return TrustDomain.parse(typeof given === 'object' && given !== null ? given.name : given);
}

// Weak, because names come from peers: whoever connects must not be able to fill our memory.
const alive = new Map<string, WeakRef<TrustDomain>>();
const forgotten = new FinalizationRegistry<string>((name) => {
  // The name may have been parsed again since; that object stays.
  if (alive.get(name)?.deref() === undefined) alive.delete(name);
});

function readName(text: string): string {
  requireString(text, 'trust domain name or SPIFFE ID');
  if (text.includes(':/')) return readId(text).trustDomain;
  requireTrustDomainName(text);
  return text;
}
