import { type AnyKeyType } from './key-type.ts';

/** The key usages of RFC 5280 4.2.1.3 that the kit can set. */
export type KeyUsageName =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign';

/** The extended key usages that the kit knows by name. */
export type ExtendedKeyUsageName = 'serverAuth' | 'clientAuth' | 'codeSigning' | 'any';

/** One subject alternative name. `dn` is a distinguished name as text, for example `CN=a`. */
export interface SubjectAlternativeName {
  readonly type: 'url' | 'dns' | 'ip' | 'email' | 'dn';
  readonly value: string;
}

/** A name that a CA permits or excludes below itself (RFC 5280 4.2.1.10). */
export interface ConstrainedName {
  readonly type: 'uri' | 'dns' | 'email' | 'directory';
  /** Host or `.domain` for `uri`, name for `dns`, host for `email`, common name for `directory`. */
  readonly value: string;
}

/** What is done to the encoding itself, because no honest encoder would. */
export type EncodingDefect =
  | 'v1'
  | 'duplicate-extension'
  | 'non-der-boolean'
  | 'time-out-of-range'
  | 'sha1-signature'
  | 'signature-algorithm-mismatch'
  | 'bad-signature'
  | 'trailing-bytes';

/** Everything a certificate says, before it is encoded. Defects change the plan. */
export interface CertificatePlan {
  /** The type of the key to make for it, unless a key is given. */
  readonly keyType: AnyKeyType;
  /** Distinguished name as text, or a DER Name; `''` is the empty name. */
  readonly subject: string | Uint8Array;
  /** Milliseconds since the Unix epoch; encoded in whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength?: number } | undefined;
  readonly keyUsage: { readonly critical: boolean; readonly names: readonly KeyUsageName[] } | undefined;
  /** Empty: the extension is absent. */
  readonly extendedKeyUsage: readonly ExtendedKeyUsageName[];
  /** Empty: the extension is absent. */
  readonly subjectAltNames: readonly SubjectAlternativeName[];
  readonly subjectAltNamesCritical: boolean;
  readonly nameConstraints: {
    readonly critical: boolean;
    readonly permitted: readonly ConstrainedName[];
    readonly excluded: readonly ConstrainedName[];
  };
  /** Hex; `'own'` is the hash of the public key; undefined leaves the extension out. */
  readonly subjectKeyId: string | undefined;
  readonly unknownCriticalExtension: boolean;
  readonly encodingDefects: readonly EncodingDefect[];
}
