import { constants } from 'node:crypto';

/** How a signature with an accepted AlgorithmIdentifier is verified: all that it says, and nothing left to defaults. */
export interface SignatureAlgorithm {
  /** The one kind of key that it goes with, as `KeyObject.asymmetricKeyType` has it. */
  readonly keyType: string;
  /** What is signed is a hash by this; undefined where the algorithm takes the message itself. */
  readonly hash?: 'sha256' | 'sha384' | 'sha512';
  /** Of RSA. */
  readonly padding?: number;
  /** Of RSA-PSS: how many octets of salt, no more and no less. The hash of MGF1 is `hash`. */
  readonly saltLength?: number;
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants;
const ECDSA = { keyType: 'ec' };
const PKCS1 = { keyType: 'rsa', padding: RSA_PKCS1_PADDING };
// RFC 4055 3.1: hash, MGF1 with the same hash, salt as long as the hash; the hash with or without NULL.
const PSS = { keyType: 'rsa', padding: RSA_PKCS1_PSS_PADDING };
const PSS_SHA256: SignatureAlgorithm = { ...PSS, hash: 'sha256', saltLength: 32 };
const PSS_SHA384: SignatureAlgorithm = { ...PSS, hash: 'sha384', saltLength: 48 };
const PSS_SHA512: SignatureAlgorithm = { ...PSS, hash: 'sha512', saltLength: 64 };

/** Whole AlgorithmIdentifiers that may sign a certificate, so that no parameter goes unread. MD5 and SHA-1 are not. */
const ACCEPTED: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  // ECDSA, RFC 5758 3.2
  ['300a06082a8648ce3d040302', { ...ECDSA, hash: 'sha256' }],
  ['300a06082a8648ce3d040303', { ...ECDSA, hash: 'sha384' }],
  ['300a06082a8648ce3d040304', { ...ECDSA, hash: 'sha512' }],
  // RSA PKCS#1 v1.5, RFC 4055 5: NULL must be there, but its absence must be accepted
  ['300d06092a864886f70d01010b0500', { ...PKCS1, hash: 'sha256' }],
  ['300d06092a864886f70d01010c0500', { ...PKCS1, hash: 'sha384' }],
  ['300d06092a864886f70d01010d0500', { ...PKCS1, hash: 'sha512' }],
  ['300b06092a864886f70d01010b', { ...PKCS1, hash: 'sha256' }],
  ['300b06092a864886f70d01010c', { ...PKCS1, hash: 'sha384' }],
  ['300b06092a864886f70d01010d', { ...PKCS1, hash: 'sha512' }],
  [
    '303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201a203020120',
    PSS_SHA256,
  ],
  [
    '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
    PSS_SHA256,
  ],
  [
    '303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a864886f70d010108300b0609608648016503040202a203020130',
    PSS_SHA384,
  ],
  [
    '304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130',
    PSS_SHA384,
  ],
  [
    '303d06092a864886f70d01010a3030a00d300b0609608648016503040203a11a301806092a864886f70d010108300b0609608648016503040203a203020140',
    PSS_SHA512,
  ],
  [
    '304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d06096086480165030402030500a203020140',
    PSS_SHA512,
  ],
  // Ed25519, RFC 8410 3
  ['300506032b6570', { keyType: 'ed25519' }],
  // ML-DSA, RFC 9881 2
  ['300b0609608648016503040311', { keyType: 'ml-dsa-44' }],
  ['300b0609608648016503040312', { keyType: 'ml-dsa-65' }],
  ['300b0609608648016503040313', { keyType: 'ml-dsa-87' }],
]);

/**
 * What an AlgorithmIdentifier means when certificates may be signed with it; undefined when they may not.
 *
 * @param algorithm - the hexadecimal digits of its DER.
 */
export function acceptedSignature(algorithm: string): SignatureAlgorithm | undefined {
  return ACCEPTED.get(algorithm);
}
