import { badBundle } from './bundle-json.ts';
import { INSPECT, type Inspect } from './inspect-custom.ts';
import { JwtBundle } from './jwt-bundle.ts';
import { kindOf } from './quote.ts';
import { type TrustDomain } from './trust-domain.ts';
import { X509Bundle } from './x509-bundle.ts';

/** What {@link SpiffeBundle.of} puts together. */
export interface SpiffeBundleParts {
  /** Default: none. */
  readonly x509?: X509Bundle;
  /** Default: none. */
  readonly jwt?: JwtBundle;
  /** Which version of the bundle this is: 0 to 2^64 - 1. Default: it does not say. */
  readonly sequence?: bigint;
  /** How often to look for a newer one, in seconds; at least 0. Default: it does not say. */
  readonly refreshHint?: number;
  /** What was left out when it was read. @internal */
  readonly skipped?: readonly string[];
}

const MOST_SEQUENCE = 2n ** 64n - 1n;

/** All authorities of one trust domain, of every kind, as trust domains publish them. Immutable. */
export class SpiffeBundle {
  /** Whose authorities these are. The document itself does not say. */
  readonly trustDomain: TrustDomain;
  /** The authorities for X.509-SVIDs. */
  readonly x509: X509Bundle;
  /** The authorities for JWT-SVIDs. */
  readonly jwt: JwtBundle;
  /** Which version of the bundle this is; undefined when it does not say. */
  readonly sequence: bigint | undefined;
  /** How often its publisher wants to be asked, in seconds; undefined when it does not say. */
  readonly refreshHint: number | undefined;
  /** Why entries were left out, one sentence each. */
  readonly skipped: readonly string[];

  private constructor(trustDomain: TrustDomain, parts: SpiffeBundleParts) {
    const { x509, jwt, sequence, refreshHint, skipped = [] } = parts;
    this.trustDomain = trustDomain;
    this.x509 = x509 ?? X509Bundle.fromDer(trustDomain, []);
    this.jwt = jwt ?? JwtBundle.fromAuthorities(trustDomain, []);
    this.sequence = sequence;
    this.refreshHint = refreshHint;
    this.skipped = Object.freeze([...new Set([...skipped, ...this.x509.skipped, ...this.jwt.skipped])]);
    Object.freeze(this);
  }

  /**
   * The bundle of a trust domain.
   *
   * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` for parts of another trust domain, and for numbers out of range.
   */
  static of(trustDomain: TrustDomain, parts: SpiffeBundleParts): SpiffeBundle {
    const { x509, jwt, sequence, refreshHint } = parts;
    for (const part of [x509, jwt]) {
      if (part !== undefined && !part.trustDomain.equals(trustDomain)) {
        throw badBundle(`authorities of ${trustDomain.name}`, `those of ${part.trustDomain.name}`, {
          blame: 'caller',
        });
      }
    }
    if (sequence !== undefined && !isSequence(sequence)) {
      throw badBundle('0 to 2^64 - 1 as sequence, a bigint', kindOf(sequence), { blame: 'caller' });
    }
    if (refreshHint !== undefined && !(Number.isSafeInteger(refreshHint) && refreshHint >= 0)) {
      throw badBundle('whole seconds as refreshHint', String(refreshHint), { blame: 'caller' });
    }
    return new SpiffeBundle(trustDomain, parts);
  }

  /** Whether it has no authority of any kind: then every SVID of its trust domain is revoked. */
  get isEmpty(): boolean {
    return this.x509.isEmpty && this.jwt.isEmpty;
  }

  /** Whether both say the same: trust domain, authorities, sequence number and refresh hint. */
  equals(other: SpiffeBundle): boolean {
    return (
      this.sequence === other.sequence &&
      this.refreshHint === other.refreshHint &&
      this.x509.equals(other.x509) &&
      this.jwt.equals(other.jwt)
    );
  }

  /** What a log needs. */
  toJSON(): Record<string, unknown> {
    const { trustDomain, x509, jwt, sequence, refreshHint } = this;
    return {
      trustDomain: trustDomain.name,
      // JSON has no bigint, and a reader would round the number.
      ...(sequence === undefined ? {} : { sequence: sequence.toString() }),
      ...(refreshHint === undefined ? {} : { refreshHint }),
      x509: x509.toJSON(),
      jwt: jwt.toJSON(),
    };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `SpiffeBundle ${inspect(this.toJSON(), { depth: 5 })}`;
  }
}

/** Whether a value can be a sequence number: a whole number that fits into 64 bits. */
export function isSequence(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= MOST_SEQUENCE;
}
