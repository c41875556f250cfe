import { createPublicKey, hash, type KeyObject, X509Certificate } from 'node:crypto';

import { type CertificateFields, MOST_CERTIFICATE_BYTES, readCertificate } from './der/certificate-fields.ts';
import { commonNameOf } from './der/common-name.ts';
import { NAME_KIND } from './der/names.ts';
import { SpiffeError } from './errors.ts';
import { INSPECT, type Inspect } from './inspect-custom.ts';
import { encodePem } from './pem.ts';
import { kindOf } from './quote.ts';

/**
 * An X.509 certificate, read strictly: one that is not DER, or breaks the profile of RFC 5280, gives no object.
 * Reading proves nothing about who signed it. Immutable; `node:crypto` objects are made when first asked for.
 */
export class Certificate {
  /** The certificate itself: a copy of what was parsed. Not to be written to. */
  readonly der: Uint8Array;
  /** @internal */
  readonly fields: CertificateFields;
  /** The URI names, read from the encoding, in its order. Whether they are SPIFFE IDs is not checked here. */
  readonly uriSans: readonly string[];
  #x509: X509Certificate | undefined;
  #publicKey: KeyObject | undefined;
  #fingerprint: string | undefined;
  #publicKeyFingerprint: string | undefined;

  private constructor(der: Buffer) {
    this.der = der;
    this.fields = readCertificate(der);
    this.uriSans = Object.freeze(namesOf(this.fields, NAME_KIND.uri));
    Object.freeze(this);
  }

  /**
   * Reads one DER certificate of at most 64 KiB.
   *
   * @throws {@link SpiffeError} `ERR_CERTIFICATE_INVALID`. The message names the defect and its offset.
   */
  static parse(der: Uint8Array): Certificate {
    if (!(der instanceof Uint8Array)) {
      throw new SpiffeError(
        'ERR_CERTIFICATE_INVALID',
        `want the bytes of a DER certificate, got ${kindOf(der)}`,
      );
    }
    // rule: certificate.size
    if (der.length > MOST_CERTIFICATE_BYTES) {
      const problem = `want a certificate of at most ${MOST_CERTIFICATE_BYTES} bytes, got ${der.length}`;
      throw new SpiffeError('ERR_CERTIFICATE_INVALID', problem);
    }
    // A copy in memory of its own: not changed by whoever owns the input, and not keeping a pooled buffer alive.
    return new Certificate(Buffer.from(new Uint8Array(der).buffer));
  }

  /** The DNS names among the alternative names, as they stand there. Whom they name is not checked here. */
  get dnsNames(): readonly string[] {
    return namesOf(this.fields, NAME_KIND.dns);
  }

  /** The one common name of the subject; undefined when it has none or several. */
  get commonName(): string | undefined {
    return commonNameOf(this.fields);
  }

  /** The whole DER Name. */
  get subject(): Uint8Array {
    return this.fields.subject;
  }

  /** The whole DER Name. */
  get issuer(): Uint8Array {
    return this.fields.issuer;
  }

  /** Hexadecimal digits in lower case, without leading zeros. */
  get serialNumber(): string {
    return this.fields.serialNumber;
  }

  /** The first instant of its validity, in milliseconds since the Unix epoch. */
  get notBefore(): number {
    return this.fields.notBefore;
  }

  /** The last instant of its validity, which is still inside (RFC 5280 4.1.2.5), in milliseconds since the Unix epoch. */
  get notAfter(): number {
    return this.fields.notAfter;
  }

  /** Whether it says of itself that it is a CA (basic constraints). */
  get isCa(): boolean {
    return this.fields.extensions.basicConstraints?.ca === true;
  }

  /** For people: `EC P-256`, `RSA 2048`, `Ed25519`, `ML-DSA-65`, or `unsupported` and what it is. */
  get keyType(): string {
    return this.fields.publicKey.type;
  }

  /** SHA-256 over the DER, as hexadecimal digits in lower case. */
  get fingerprint256(): string {
    this.#fingerprint ??= hash('sha256', this.der, 'hex');
    return this.#fingerprint;
  }

  /**
   * SHA-256 over the DER SubjectPublicKeyInfo, as hexadecimal digits in lower case: the same for every certificate
   * of one key.
   */
  get publicKeyFingerprint256(): string {
    this.#publicKeyFingerprint ??= hash('sha256', this.fields.publicKey.der, 'hex');
    return this.#publicKeyFingerprint;
  }

  /**
   * The same certificate for `node:crypto`.
   *
   * @throws {@link SpiffeError} `ERR_CERTIFICATE_INVALID` when this Node.js cannot read it.
   */
  get x509(): X509Certificate {
    this.#x509 ??= unsupportedAsError('certificate', () => new X509Certificate(this.der));
    return this.#x509;
  }

  /**
   * Its public key.
   *
   * @throws {@link SpiffeError} `ERR_CERTIFICATE_INVALID` when this Node.js does not support the key.
   */
  get publicKey(): KeyObject {
    this.#publicKey ??= unsupportedAsError(this.keyType, () =>
      createPublicKey({ key: this.fields.publicKey.der, format: 'der', type: 'spki' }),
    );
    return this.#publicKey;
  }

  /** One `CERTIFICATE` block with a newline at its end. */
  toPem(): string {
    return encodePem('CERTIFICATE', this.der);
  }

  /** What a log needs. */
  toJSON(): Record<string, unknown> {
    const { serialNumber, notBefore, notAfter, uriSans, isCa, keyType, fingerprint256 } = this;
    return {
      serialNumber,
      notBefore: new Date(notBefore).toISOString(),
      notAfter: new Date(notAfter).toISOString(),
      uriSans,
      isCa,
      keyType,
      fingerprint256,
    };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `Certificate ${inspect(this.toJSON())}`;
  }
}

function namesOf(fields: CertificateFields, wanted: number): string[] {
  const names: string[] = [];
  for (const { kind, value } of fields.extensions.alternativeNames ?? []) {
    if (kind === wanted) names.push(value.toString('latin1'));
  }
  return names;
}

function unsupportedAsError<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new SpiffeError(
      'ERR_CERTIFICATE_INVALID',
      `this Node.js cannot use the ${what} of the certificate`,
      {
        cause,
      },
    );
  }
}
