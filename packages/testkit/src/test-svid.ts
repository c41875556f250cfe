import { KeyObject, type webcrypto } from 'node:crypto';

import { X509Svid } from '@svidkit/core';

import { encodePem } from './encode-pem.ts';

/** An X.509-SVID of a test CA, good or spoilt. */
export interface TestSvid {
  /** The SPIFFE ID it was asked for; a defect may have put another into the certificate. */
  readonly id: string;
  /** The trust domain of the CA that issued it. */
  readonly trustDomain: string;
  /** Leaf, then intermediates. */
  readonly certPem: string;
  /** The private key as PKCS#8. */
  readonly keyPem: string;
  /** DER: leaf, then intermediates. */
  readonly chainDer: readonly Uint8Array[];
  /** The private key. `key.export` gives other encodings. */
  readonly key: KeyObject;
  /** The key pair for another `issue` with the same key. */
  readonly keyPair: webcrypto.CryptoKeyPair;
  /** Validity of the leaf in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /**
   * The same as the type that services use.
   *
   * @throws {@link SpiffeError} as `X509Svid.fromPem`, when a defect makes it unfit.
   */
  svid(): X509Svid;
}

/** What a {@link TestSvid} is made of. */
export interface TestSvidParts {
  readonly id: string;
  readonly trustDomain: string;
  readonly chainDer: readonly Uint8Array[];
  readonly keyPair: webcrypto.CryptoKeyPair;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Puts a {@link TestSvid} together. */
export function testSvid(parts: TestSvidParts): TestSvid {
  const key = KeyObject.from(parts.keyPair.privateKey);
  const certPem = parts.chainDer.map((der) => encodePem('CERTIFICATE', der)).join('');
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return Object.freeze({
    ...parts,
    chainDer: Object.freeze([...parts.chainDer]),
    certPem,
    keyPem,
    key,
    svid: () => X509Svid.fromPem({ certificates: certPem, privateKey: keyPem }),
  });
}
