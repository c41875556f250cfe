import { type KeyObject } from 'node:crypto';

import { type Certificate } from './certificate.ts';
import { OID } from './der/object-identifiers.ts';
import { SpiffeError } from './errors.ts';
import { INSPECT, type Inspect } from './inspect-custom.ts';
import {
  certificateBlocks,
  invalidCertificates,
  MOST_CERTIFICATES,
  parseAll,
  requireLeaf,
} from './own-certificates.ts';
import { readPrivateKeyDer, readPrivateKeyPem } from './private-key.ts';
import { kindOf } from './quote.ts';
import { type SpiffeId } from './spiffe-id.ts';
import { orderChain } from './svid-chain.ts';
import { endEntityProblem } from './verify/end-entity-profile.ts';
import { readSvidLeaf } from './verify/svid-leaf.ts';

/** An X.509-SVID in PEM. Both texts may be the same credential bundle. */
export interface X509SvidPem {
  /** The leaf and its intermediates. */
  readonly certificates: string | Uint8Array;
  /** One private key: PKCS#8, SEC1 or PKCS#1, not encrypted. */
  readonly privateKey: string | Uint8Array;
  /** Where the certificates come from, for errors. */
  readonly file?: string | undefined;
  /** Where the key comes from, for errors. Default: `file`. */
  readonly keyFile?: string | undefined;
  /** What its issuer calls it, see {@link X509Svid.hint}. */
  readonly hint?: string | undefined;
}

/** An X.509-SVID in DER, as the Workload API delivers it. */
export interface X509SvidDer {
  /** The leaf and its intermediates: one after the other, or as a list. */
  readonly certificates: Uint8Array | readonly Uint8Array[];
  /** PKCS#8, or a key that is read already. */
  readonly privateKey: Uint8Array | KeyObject;
  /** What its issuer calls it, see {@link X509Svid.hint}. */
  readonly hint?: string | undefined;
}

const CODES = { profile: 'ERR_SVID_LEAF_PROFILE', id: 'ERR_SVID_URI_SAN' } as const;
/**
 * Our own identity: a SPIFFE ID, the chain that carries it and the private key of its leaf. Immutable. Whether it
 * is valid now, and whether anyone trusts it, is not checked. Nothing that prints it shows more than ID, serial
 * number, validity and fingerprint.
 */
export class X509Svid {
  /** Who we are. */
  readonly id: SpiffeId;
  /** The leaf first, then its issuers, without the root: what TLS sends. */
  readonly certificates: readonly Certificate[];
  /** Of the leaf. */
  readonly privateKey: KeyObject;
  /** The first instant at which the leaf is valid, in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** The last such instant. */
  readonly notAfter: number;
  /** When the chain ends: the earliest `notAfter` on it, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** What its issuer calls it, to tell several identities apart. */
  readonly hint: string | undefined;
  /** What was put right or is against the letter of the standard, one sentence each. */
  readonly warnings: readonly string[];

  private constructor(
    given: readonly Certificate[],
    privateKey: KeyObject,
    hint: string | undefined,
    where: { readonly file?: string },
  ) {
    const { certificates, expiresAt, warnings } = orderChain(given, privateKey, where);
    const [leaf = requireLeaf(where)] = certificates;
    this.id = readSvidLeaf(leaf, CODES, where);
    const problem = endEntityProblem(leaf);
    // rule: svid.leaf
    if (problem !== undefined)
      throw new SpiffeError(CODES.profile, `the leaf is no X.509-SVID: ${problem}`, where);
    this.certificates = Object.freeze([...certificates]);
    this.privateKey = privateKey;
    this.notBefore = leaf.notBefore;
    this.notAfter = leaf.notAfter;
    this.expiresAt = expiresAt;
    this.hint = hint;
    this.warnings = Object.freeze([...warnings, ...profileWarnings(leaf)]);
    // The key stays readable for TLS, and out of sight for everything that lists properties.
    Object.defineProperty(this, 'privateKey', { enumerable: false });
    Object.freeze(this);
  }

  /**
   * Reads an SVID from PEM. A chain that is out of order is put in order.
   *
   * @throws {@link SpiffeError} `ERR_PEM_INVALID`, `ERR_SVID_CERTIFICATE_INVALID`, `ERR_SVID_KEY_INVALID`,
   * `ERR_SVID_KEY_ENCRYPTED`, `ERR_SVID_KEY_MISMATCH`, `ERR_SVID_URI_SAN`, `ERR_SVID_LEAF_PROFILE`.
   */
  static fromPem(input: X509SvidPem): X509Svid {
    const where = input.file === undefined ? {} : { file: input.file };
    const ders = certificateBlocks(input.certificates, where);
    const privateKey = readPrivateKeyPem(input.privateKey, input.keyFile ?? input.file);
    return new X509Svid(parseAll(ders, where), privateKey, input.hint, where);
  }

  /**
   * Reads an SVID from DER.
   *
   * @throws {@link SpiffeError} as {@link X509Svid.fromPem}.
   */
  static fromDer(input: X509SvidDer): X509Svid {
    const { certificates } = input;
    const ders = certificates instanceof Uint8Array ? split(certificates) : certificates;
    if (!Array.isArray(ders))
      throw invalidCertificates(`want bytes or a list of them, got ${kindOf(ders)}`, {});
    return new X509Svid(parseAll(ders, {}), readPrivateKeyDer(input.privateKey), input.hint, {});
  }

  /** The certificate that carries the ID. */
  get leaf(): Certificate {
    return this.certificates[0] ?? requireLeaf({});
  }

  /** SHA-256 over the DER of the leaf, as hexadecimal digits in lower case. */
  get fingerprint(): string {
    return this.leaf.fingerprint256;
  }

  /** What a log needs, and never the key. */
  toJSON(): Record<string, unknown> {
    return {
      id: this.id.toString(),
      serialNumber: this.leaf.serialNumber,
      notBefore: new Date(this.notBefore).toISOString(),
      notAfter: new Date(this.notAfter).toISOString(),
      fingerprint: this.fingerprint,
    };
  }

  /** @internal */
  [INSPECT](_depth: unknown, _options: unknown, inspect: Inspect): string {
    return `X509Svid ${inspect(this.toJSON())}`;
  }
}

/** Cuts certificates that stand one after the other apart. What is in them is read later, and strictly. */
function split(bytes: Uint8Array): readonly Uint8Array[] {
  const ders: Uint8Array[] = [];
  for (let start = 0; start < bytes.length && ders.length <= MOST_CERTIFICATES;) {
    const header = 2 + lengthOctets(bytes, start);
    let length = header === 2 ? (bytes[start + 1] ?? 0) : 0;
    for (let index = start + 2; index < start + header; index++) length = length * 256 + (bytes[index] ?? 0);
    ders.push(bytes.subarray(start, start + header + length));
    start += header + length;
  }
  return ders;
}

function lengthOctets(bytes: Uint8Array, start: number): number {
  const first = bytes[start + 1] ?? 0;
  return first < 0x80 ? 0 : first & 0x7f;
}

/** What a verifier may be lenient about, and its issuer should not be. */
function profileWarnings(leaf: Certificate): readonly string[] {
  const { extensions } = leaf.fields;
  const warnings: string[] = [];
  // X509-SVID 4.3
  if (extensions.keyUsageCritical !== true) warnings.push('the key usage of the leaf is not critical');
  const purposes = extensions.extendedKeyUsage;
  // X509-SVID 4.4
  if (purposes !== undefined && !(purposes.includes(OID.clientAuth) && purposes.includes(OID.serverAuth))) {
    warnings.push('the extended key usage of the leaf lacks clientAuth or serverAuth');
  }
  return warnings;
}
