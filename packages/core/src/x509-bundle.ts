import { byteKey } from './byte-key.ts';
import { Certificate } from './certificate.ts';
import { SpiffeError } from './errors.ts';
import { INSPECT, type Inspect } from './inspect-custom.ts';
import { parsePem } from './pem.ts';
import { quote } from './quote.ts';
import { type TrustDomain } from './trust-domain.ts';
import { authorityProblem } from './verify/authority-profile.ts';

/**
 * The X.509 authorities of one trust domain. Immutable, without duplicates; the order of the input has no
 * meaning. A certificate that may not sign others is never an authority: it is left out, and `skipped` says why.
 */
export class X509Bundle {
  /** Whose authorities these are. */
  readonly trustDomain: TrustDomain;
  /** The authorities, in the order of their first appearance. */
  readonly authorities: readonly Certificate[];
  /** Why entries were left out, one sentence each. */
  readonly skipped: readonly string[];
  #fingerprints: ReadonlySet<string> | undefined;

  private constructor(trustDomain: TrustDomain, certificates: readonly Certificate[]) {
    const authorities = new Map<string, Certificate>();
    const skipped: string[] = [];
    for (const [index, certificate] of certificates.entries()) {
      const problem = authorityProblem(certificate);
      // rule: bundle.only-authorities
      if (problem !== undefined) {
        skipped.push(`entry ${index + 1} (serial ${certificate.serialNumber}) is no authority: ${problem}`);
        continue;
      }
      authorities.set(byteKey(certificate.der), certificate);
    }
    this.trustDomain = trustDomain;
    this.authorities = Object.freeze([...authorities.values()]);
    this.skipped = Object.freeze(skipped);
    Object.freeze(this);
  }

  /**
   * Reads a bundle from PEM. White space alone is an empty bundle.
   *
   * @param options - `file` is named in errors.
   * @throws {@link SpiffeError} `ERR_PEM_INVALID`, `ERR_BUNDLE_INVALID`: one bad block spoils the whole bundle,
   * since half of it could be the wrong half.
   */
  static fromPem(
    trustDomain: TrustDomain,
    pem: string | Uint8Array,
    options: { readonly file?: string | undefined } = {},
  ): X509Bundle {
    const blocks = parsePem(pem, options);
    // rule: bundle.not-garbage
    if (blocks.length === 0 && (typeof pem === 'string' ? pem : byteKey(pem)).trim() !== '') {
      throw invalid('no PEM block in it, yet it is not empty', options.file);
    }
    for (const [index, { label }] of blocks.entries()) {
      // rule: bundle.only-certificates
      if (label !== 'CERTIFICATE') throw invalid(`block ${index + 1} is ${quote(label)}`, options.file);
    }
    return X509Bundle.#read(
      trustDomain,
      blocks.map(({ der }) => der),
      options.file,
    );
  }

  /**
   * Reads a bundle from DER certificates.
   *
   * @throws {@link SpiffeError} `ERR_BUNDLE_INVALID` when one does not parse.
   */
  static fromDer(trustDomain: TrustDomain, der: readonly Uint8Array[]): X509Bundle {
    return X509Bundle.#read(trustDomain, der, undefined);
  }

  /** @internal */
  static fromCertificates(trustDomain: TrustDomain, certificates: readonly Certificate[]): X509Bundle {
    return new X509Bundle(trustDomain, certificates);
  }

  static #read(trustDomain: TrustDomain, der: readonly Uint8Array[], file: string | undefined): X509Bundle {
    const certificates = der.map((bytes, index) => {
      try {
        return Certificate.parse(bytes);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : '';
        throw invalid(`entry ${index + 1} does not parse: ${reason}`, file, cause);
      }
    });
    return new X509Bundle(trustDomain, certificates);
  }

  /** Whether it has no authority at all, so that nothing of its trust domain can be verified. */
  get isEmpty(): boolean {
    return this.authorities.length === 0;
  }

  /** Whether this very certificate is one of the authorities. */
  has(authority: Certificate): boolean {
    return this.#byFingerprint().has(authority.fingerprint256);
  }

  /** Whether both are of the same trust domain and have the same authorities, in whatever order. */
  equals(other: X509Bundle): boolean {
    if (this === other) return true;
    if (!this.trustDomain.equals(other.trustDomain)) return false;
    return (
      this.authorities.length === other.authorities.length && other.authorities.every((one) => this.has(one))
    );
  }

  /** What a log needs. */
  toJSON(): Record<string, unknown> {
    const { trustDomain, authorities, skipped } = this;
    return { trustDomain: trustDomain.name, authorities: authorities.map((one) => one.toJSON()), skipped };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `X509Bundle ${inspect(this.toJSON(), { depth: 3 })}`;
  }

  #byFingerprint(): ReadonlySet<string> {
    this.#fingerprints ??= new Set(this.authorities.map((one) => one.fingerprint256));
    return this.#fingerprints;
  }
}

function invalid(problem: string, file: string | undefined, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_BUNDLE_INVALID', `not a trust bundle: ${problem}`, {
    hint: 'A bundle is PEM with CERTIFICATE blocks only, all of them whole.',
    ...(file === undefined ? {} : { file }),
    ...(cause === undefined ? {} : { cause }),
  });
}
