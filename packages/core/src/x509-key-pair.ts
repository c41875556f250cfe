import { type KeyObject } from 'node:crypto';

import { type Certificate } from './certificate.ts';
import { INSPECT, type Inspect } from './inspect-custom.ts';
import { certificateBlocks, invalidCertificates, parseAll, requireLeaf } from './own-certificates.ts';
import { readPrivateKeyPem } from './private-key.ts';
import { orderChain } from './svid-chain.ts';
import { type X509SvidPem } from './x509-svid.ts';

/**
 * An ordinary certificate chain with the private key of its leaf: what a service presents to those that do not know
 * SPIFFE yet. Immutable. Nothing that prints it shows the key.
 */
export class X509KeyPair {
  /** The leaf first, then its issuers, without the root: what TLS sends. */
  readonly certificates: readonly Certificate[];
  /** Of the leaf. */
  readonly privateKey: KeyObject;
  /** The first instant at which the leaf is valid, in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** When the chain ends: the earliest `notAfter` on it, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;

  private constructor(certificates: readonly Certificate[], privateKey: KeyObject, expiresAt: number) {
    const [leaf = requireLeaf({})] = certificates;
    this.certificates = Object.freeze([...certificates]);
    this.privateKey = privateKey;
    this.notBefore = leaf.notBefore;
    this.expiresAt = expiresAt;
    // The key stays readable for TLS, and out of sight for everything that lists properties.
    Object.defineProperty(this, 'privateKey', { enumerable: false });
    Object.freeze(this);
  }

  /**
   * Reads a chain and its key from PEM. A chain that is out of order is put in order.
   *
   * @throws {@link SpiffeError} `ERR_PEM_INVALID`, `ERR_SVID_CERTIFICATE_INVALID`, `ERR_SVID_KEY_INVALID`,
   * `ERR_SVID_KEY_ENCRYPTED`, `ERR_SVID_KEY_MISMATCH`.
   */
  static fromPem(input: Omit<X509SvidPem, 'hint'>): X509KeyPair {
    const where = input.file === undefined ? {} : { file: input.file };
    const ders = certificateBlocks(input.certificates, where);
    const privateKey = readPrivateKeyPem(input.privateKey, input.keyFile ?? input.file);
    const { certificates, expiresAt } = orderChain(parseAll(ders, where), privateKey, where);
    const weakness = certificates[0]?.fields.publicKey.weakness;
    // Whether TLS would take it depends on the version of OpenSSL; no verifier of ours would.
    if (weakness !== undefined)
      throw invalidCertificates(`the key of the leaf is not acceptable: ${weakness}`, where);
    return new X509KeyPair(certificates, privateKey, expiresAt);
  }

  /** The certificate of the key. */
  get leaf(): Certificate {
    return this.certificates[0] ?? requireLeaf({});
  }

  /** What a log needs, and never the key. */
  toJSON(): Record<string, unknown> {
    return { leaf: this.leaf.toJSON() };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `X509KeyPair ${inspect(this.toJSON())}`;
  }
}
