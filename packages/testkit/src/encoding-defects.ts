import { Buffer } from 'node:buffer';
import { type KeyObject, sign } from 'node:crypto';

import { SpiffeError } from '@svidkit/core';

import { type EncodingDefect } from './certificate-plan.ts';
import { derChildren, type DerElement, encodeDer, readDer } from './der.ts';

const SEQUENCE = 0x30;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const BOOLEAN = 0x01;

const ECDSA_WITH_SHA1 = Buffer.from('300906072a8648ce3d0401', 'hex');
const RSA_WITH_SHA1 = Buffer.from('300d06092a864886f70d0101050500', 'hex');
const RSA_WITH_SHA512 = Buffer.from('300d06092a864886f70d01010d0500', 'hex');

/**
 * Changes the encoding of a certificate and signs it again, so that the defect is the only thing wrong with it.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the key cannot make such a signature.
 */
export function applyEncodingDefects(
  der: Uint8Array,
  defects: readonly EncodingDefect[],
  signingKey: KeyObject,
): Uint8Array {
  if (defects.length === 0) return der;
  const has = (defect: EncodingDefect): boolean => defects.includes(defect);
  const [tbs, algorithm] = derChildren(readDer(der).contents);
  if (tbs === undefined || algorithm === undefined) throw malformed();

  const inner = has('sha1-signature') ? sha1Algorithm(signingKey) : algorithm.whole;
  const fields = derChildren(tbs.contents).flatMap((field, index, all) => {
    if (field.tag === VERSION) return has('v1') ? [] : [field.whole];
    if (index === 2) return [inner];
    if (index === 4 && has('time-out-of-range')) return [outOfRange(field)];
    if (field.tag === EXTENSIONS && index === all.length - 1) return [changeExtensions(field, has)];
    return [field.whole];
  });
  const signed = encodeDer(SEQUENCE, ...fields);
  const signature = Buffer.from(
    sign(has('sha1-signature') ? 'sha1' : hashFor(signingKey), signed, signingKey),
  );
  // The last byte is inside a number, so the encoding of the signature stays good.
  if (has('bad-signature')) signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 0x01;
  const outer = has('signature-algorithm-mismatch') ? RSA_WITH_SHA512 : inner;
  const certificate = encodeDer(SEQUENCE, signed, outer, encodeDer(0x03, Buffer.from([0]), signature));
  return has('trailing-bytes') ? Buffer.concat([certificate, Buffer.from([0x05, 0x00])]) : certificate;
}

function changeExtensions(field: DerElement, has: (defect: EncodingDefect) => boolean): Uint8Array {
  let extensions = derChildren(readDer(field.contents).contents).map((extension) => extension.whole);
  if (has('non-der-boolean')) {
    extensions = extensions.map((extension) => {
      const parts = derChildren(readDer(extension).contents).map((part) =>
        // X.690 11.1: TRUE is 0xff in DER; BER allows any octet but zero.
        part.tag === BOOLEAN ? encodeDer(BOOLEAN, Buffer.from([0x01])) : part.whole,
      );
      return encodeDer(SEQUENCE, ...parts);
    });
  }
  if (has('duplicate-extension')) extensions.push(...extensions.slice(-1));
  return encodeDer(EXTENSIONS, encodeDer(SEQUENCE, ...extensions));
}

/** A second that no minute has, in notBefore: a lenient reader takes it for the next minute. */
function outOfRange(validity: DerElement): Uint8Array {
  const [notBefore, notAfter] = derChildren(validity.contents);
  if (notBefore === undefined || notAfter === undefined) throw malformed();
  const text = Buffer.from(notBefore.contents)
    .toString('latin1')
    .replace(/\d\dZ$/, '72Z');
  return encodeDer(SEQUENCE, encodeDer(notBefore.tag, Buffer.from(text)), notAfter.whole);
}

function sha1Algorithm(key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType === 'ec') return ECDSA_WITH_SHA1;
  if (key.asymmetricKeyType === 'rsa') return RSA_WITH_SHA1;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `want an EC or RSA authority for the defect sha1-signature, got ${key.asymmetricKeyType}`,
  );
}

function hashFor(key: KeyObject): string | null {
  if (key.asymmetricKeyType === 'ed25519') return null;
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (namedCurve === 'secp384r1') return 'sha384';
  return namedCurve === 'secp521r1' ? 'sha512' : 'sha256';
}

function malformed(): SpiffeError {
  return new SpiffeError(
    'ERR_SVID_CERTIFICATE_INVALID',
    'want the certificate that was just encoded, got other DER',
  );
}
