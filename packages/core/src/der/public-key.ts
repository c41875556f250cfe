import { DerReader, malformed, TAG } from './der-reader.ts';
import { dotted, OID } from './object-identifiers.ts';

/** What a SubjectPublicKeyInfo says about its key. */
export interface PublicKeyInfo {
  /** The whole SubjectPublicKeyInfo. */
  readonly der: Buffer;
  /** For people: `EC P-256`, `RSA 2048`, `Ed25519`, `ML-DSA-65`, or `unsupported` and the identifier. */
  readonly type: string;
  /** Why no signature by this key is accepted; undefined when it is fine. */
  readonly weakness: string | undefined;
}

const EC_CURVES: Readonly<Record<string, string>> = {
  [OID.p256]: 'EC P-256',
  [OID.p384]: 'EC P-384',
  [OID.p521]: 'EC P-521',
};
const WITHOUT_PARAMETERS: Readonly<Record<string, string>> = {
  [OID.ed25519]: 'Ed25519',
  [OID.mlDsa44]: 'ML-DSA-44',
  [OID.mlDsa65]: 'ML-DSA-65',
  [OID.mlDsa87]: 'ML-DSA-87',
};
const LEAST_RSA_BITS = 2048;
// Costs of a verification grow with the square of the size and with the exponent; both come from the peer.
const MOST_RSA_BITS = 8192;
const MOST_RSA_EXPONENT_BYTES = 4;

/** Reads a SubjectPublicKeyInfo. A key we do not accept is no error here, but carries its weakness. */
export function readPublicKey(reader: DerReader): PublicKeyInfo {
  const what = 'subject public key';
  const der = reader.element(TAG.SEQUENCE, what);
  const info = new DerReader(der).read(TAG.SEQUENCE, what);
  const algorithm = info.read(TAG.SEQUENCE, what);
  const key = info.wholeBits(what);
  // rule: key.end
  info.finish(what);
  const oid = algorithm.oid(what);
  if (oid === OID.ecPublicKey) return { der, ...describeEc(algorithm) };
  if (oid === OID.rsaEncryption) return { der, ...describeRsa(algorithm, key) };
  const type = WITHOUT_PARAMETERS[oid];
  // rule: key.algorithm
  if (type === undefined) return { der, ...unsupported(`algorithm ${dotted(oid)}`) };
  // rule: key.no-parameters
  algorithm.finish(what);
  return { der, type, weakness: undefined };
}

/** RFC 5480 2.1.1: the curve is named, never spelled out. */
function describeEc(algorithm: DerReader): Omit<PublicKeyInfo, 'der'> {
  const what = 'EC public key';
  // rule: key.named-curve
  if (algorithm.peek() !== TAG.OID) return unsupported('EC key without a named curve');
  const curve = algorithm.oid(what);
  // rule: key.curve-end
  algorithm.finish(what);
  const type = EC_CURVES[curve];
  // rule: key.curve
  if (type === undefined) return unsupported(`EC curve ${dotted(curve)}`);
  return { type, weakness: undefined };
}

function describeRsa(algorithm: DerReader, key: Buffer): Omit<PublicKeyInfo, 'der'> {
  const what = 'RSA public key';
  // rule: key.rsa-null
  algorithm.content(TAG.NULL, what);
  // rule: key.rsa-parameters-end
  algorithm.finish(what);
  const outer = new DerReader(key);
  const numbers = outer.read(TAG.SEQUENCE, what);
  // rule: key.rsa-end
  outer.finish(what);
  const modulus = numbers.integer(what);
  const exponent = numbers.integer(what);
  // rule: key.rsa-numbers-end
  numbers.finish(what);
  const [first = 0, second = 0] = modulus;
  // rule: key.rsa-positive
  if (first >= 0x80 || (exponent[0] ?? 0) >= 0x80) throw malformed(`${what}: a negative number`);
  const bits =
    first === 0 ? modulus.length * 8 - 8 - leadingZeros(second) : modulus.length * 8 - leadingZeros(first);
  const type = `RSA ${bits}`;
  // rule: key.rsa-least
  if (bits < LEAST_RSA_BITS) return { type, weakness: `${type} (want at least ${LEAST_RSA_BITS} bits)` };
  // rule: key.rsa-most
  if (bits > MOST_RSA_BITS) return { type, weakness: `${type} (want at most ${MOST_RSA_BITS} bits)` };
  // rule: key.rsa-exponent
  if (exponent.length > MOST_RSA_EXPONENT_BYTES)
    return { type, weakness: `${type} with an exponent over 31 bits` };
  return { type, weakness: undefined };
}

function unsupported(what: string): Omit<PublicKeyInfo, 'der'> {
  return { type: `unsupported ${what}`, weakness: `unsupported ${what}` };
}

function leadingZeros(octet: number): number {
  return Math.clz32(octet) - 24;
}
