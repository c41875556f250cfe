import { INSPECT } from './inspect-custom.ts';
import { PREFIX, readId, requirePath, requireSegment, requireString } from './spiffe-id-syntax.ts';
// Each names the other; neither runs the other while it loads, so either may be imported first.
// oxlint-disable-next-line import/no-cycle
import { toTrustDomain, TrustDomain } from './trust-domain.ts';

/**
 * A SPIFFE ID, such as `spiffe://prod.example/payments`. Immutable; an instance is always legal, because parsing
 * and building are the only ways to one. Nothing is ever normalised: what was read is what is written.
 *
 * @see SPIFFE-ID 2
 */
export class SpiffeId {
  /** The trust domain that vouches for it. */
  readonly trustDomain: TrustDomain;
  /** Empty (the ID of the trust domain itself), or `/` and segments separated by `/`. Case-sensitive. */
  readonly path: string;
  readonly #text: string;

  private constructor(text: string) {
    const { trustDomain, path } = readId(text);
    this.trustDomain = TrustDomain.parse(trustDomain);
    this.path = path;
    this.#text = text;
    Object.freeze(this);
  }

  /**
   * Reads a SPIFFE ID strictly: lower-case scheme and trust domain, at most 2048 bytes. See
   * {@link parseSpiffeIdLenient} for the other reading of the standard.
   *
   * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`. The message names the defect and its offset.
   */
  static parse(text: string): SpiffeId {
    return new SpiffeId(text);
  }

  /**
   * Builds an ID from a whole path.
   *
   * @param path - empty, or `/` and segments.
   * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
   */
  static fromPath(trustDomain: TrustDomain | string, path: string): SpiffeId {
    // Parsed again, so that text after the name can never come to stand in the path.
    const { name } = toTrustDomain(trustDomain);
    requirePath(path);
    return new SpiffeId(`${PREFIX}${name}${path}`);
  }

  /**
   * Builds an ID from segments; a slash inside one is refused, never split.
   *
   * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
   */
  static fromSegments(trustDomain: TrustDomain | string, ...segments: string[]): SpiffeId {
    return SpiffeId.fromPath(trustDomain, joinSegments(segments));
  }

  /**
   * The ID with `path` after its own.
   *
   * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
   */
  appendPath(path: string): SpiffeId {
    requirePath(path);
    return new SpiffeId(this.#text + path);
  }

  /**
   * The ID with `segments` after its own path.
   *
   * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
   */
  appendSegments(...segments: string[]): SpiffeId {
    return new SpiffeId(this.#text + joinSegments(segments));
  }

  /**
   * The ID with `path` in place of its own.
   *
   * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
   */
  replacePath(path: string): SpiffeId {
    return SpiffeId.fromPath(this.trustDomain, path);
  }

  /** Whether it belongs to `trustDomain`. */
  memberOf(trustDomain: TrustDomain): boolean {
    return this.trustDomain.equals(trustDomain);
  }

  /** Whether `other` is the same ID, byte for byte. */
  equals(other: SpiffeId): boolean {
    return this.path === other.path && this.trustDomain.equals(other.trustDomain);
  }

  /** The ID as text, exactly as it was read. */
  toString(): string {
    return this.#text;
  }

  /** The ID as text. */
  toJSON(): string {
    return this.#text;
  }

  /** @internal */
  [INSPECT](): string {
    return `SpiffeId(${this.#text})`;
  }
}

/**
 * Reads a SPIFFE ID whose scheme and trust domain may be in upper case, and gives it in lower case; the path is
 * case-sensitive and stays. Everything else is as strict as {@link SpiffeId.parse}. For IDs typed by people;
 * what certificates carry is read strictly.
 *
 * @throws {@link SpiffeError} `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 * @see SPIFFE-ID 2.4
 */
export function parseSpiffeIdLenient(text: string): SpiffeId {
  requireString(text, 'SPIFFE ID');
  const slash = text.indexOf('/', PREFIX.length);
  const end = slash === -1 ? text.length : slash;
  return SpiffeId.parse(lowerAscii(text.slice(0, end)) + text.slice(end));
}

/** Not `toLowerCase` on all of it, which turns the Kelvin sign U+212A into a "k". */
function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function joinSegments(segments: readonly string[]): string {
  return segments
    .map((segment) => {
      requireSegment(segment);
      return `/${segment}`;
    })
    .join('');
}
