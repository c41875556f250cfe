import { KeyObject, type webcrypto } from 'node:crypto';

import { X509Svid } from '@svidkit/core';

import { encodePem } from './encode-pem.ts';

/** A certificate of a test CA with its key, good or spoilt. */
export interface TestCertificate {
  /** Leaf, then intermediates. */
  readonly certPem: string;
  /** The private key as PKCS#8. */
  readonly keyPem: string;
  /** DER: leaf, then intermediates. */
  readonly chainDer: readonly Uint8Array[];
  /** The private key. `key.export` gives other encodings. */
  readonly key: KeyObject;
  /** The key pair for another one with the same key. */
  readonly keyPair: webcrypto.CryptoKeyPair;
  /** Validity of the leaf in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** An X.509-SVID of a test CA, good or spoilt. */
export interface TestSvid extends TestCertificate {
  /** The SPIFFE ID it was asked for; a defect may have put another into the certificate. */
  readonly id: string;
  /** The trust domain of the CA that issued it. */
  readonly trustDomain: string;
  /**
   * The same as the type that services use.
   *
   * @throws {@link SpiffeError} as `X509Svid.fromPem`, when a defect makes it unfit.
   */
  svid(): X509Svid;
}

/** What a {@link TestCertificate} is made of. */
export interface TestCertificateParts {
  readonly chainDer: readonly Uint8Array[];
  readonly keyPair: webcrypto.CryptoKeyPair;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a {@link TestSvid} is made of. */
export interface TestSvidParts extends TestCertificateParts {
  readonly id: string;
  readonly trustDomain: string;
}

/** Puts a {@link TestSvid} together. */
export function testSvid(parts: TestSvidParts): TestSvid {
  const { id, trustDomain } = parts;
  const certificate = testCertificate(parts);
  const { certPem, keyPem } = certificate;
  return Object.freeze({
    id,
    trustDomain,
    ...certificate,
    svid: () => X509Svid.fromPem({ certificates: certPem, privateKey: keyPem }),
  });
}

/** Puts a {@link TestCertificate} together. */
export function testCertificate(parts: TestCertificateParts): TestCertificate {
  const { chainDer, keyPair, notBefore, notAfter } = parts;
  const key = KeyObject.from(keyPair.privateKey);
  const certPem = chainDer.map((der) => encodePem('CERTIFICATE', der)).join('');
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const frozen = Object.freeze([...chainDer]);
  return Object.freeze({ certPem, keyPem, chainDer: frozen, key, keyPair, notBefore, notAfter });
}
