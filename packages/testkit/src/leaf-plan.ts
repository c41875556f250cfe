import { type webcrypto } from 'node:crypto';

import {
  type CertificatePlan,
  type ExtendedKeyUsageName,
  type KeyUsageName,
  type SubjectAlternativeName,
} from './certificate-plan.ts';
import { type DefectContext, HOUR_MS } from './change-plan.ts';
import { defectNamed } from './defect-named.ts';
import { type AnyKeyType, type KeyType } from './key-type.ts';
import { APPLY_LEAF_DEFECT, type LeafDefect } from './leaf-defects.ts';
import { validity } from './validity.ts';

/** What an X.509-SVID should be like. Everything may be left out. */
export interface IssueOptions {
  /** The whole SPIFFE ID; it may be of any trust domain, or no SPIFFE ID at all. Not together with `path`. */
  readonly id?: string;
  /** The path below the trust domain of the CA. Default: `/workload`. */
  readonly path?: string;
  /** Milliseconds from now (or from `notBefore`) until it expires, rounded up to a second. Default: one hour. */
  readonly lifetimeMs?: number;
  /** Default: now, rounded down to a second. */
  readonly notBefore?: Date;
  /** Default: see `lifetimeMs`. */
  readonly notAfter?: Date;
  /** Default: the key type of the CA. */
  readonly keyType?: KeyType;
  /** The key pair to use, for example of an earlier SVID. Default: another one. */
  readonly key?: webcrypto.CryptoKeyPair;
  /**
   * Whether to make a key that nothing else uses. Default: true, but false for RSA, which is slow: then three
   * keys of the process take turns, so each SVID differs from the one before, and every fourth repeats a key.
   */
  readonly freshKey?: boolean;
  /** Distinguished name, for example `CN=web,O=Example`. Default: empty, with critical alternative names. */
  readonly subject?: string;
  /** Subject alternative names beside the SPIFFE ID (X509-SVID 2 allows any that are not URIs). */
  readonly extraNames?: readonly SubjectAlternativeName[];
  /** Default: `digitalSignature`, with `keyAgreement` for EC keys and `keyEncipherment` for RSA keys. */
  readonly keyUsage?: readonly KeyUsageName[];
  /** Default: `serverAuth` and `clientAuth` (X509-SVID 4.4). An empty list leaves the extension out. */
  readonly extendedKeyUsage?: readonly ExtendedKeyUsageName[];
  /** Whether it signs itself, and no CA does. Default: false. */
  readonly selfSigned?: boolean;
  /** What should be wrong with it, applied in this order. Default: nothing. */
  readonly defects?: readonly LeafDefect[];
}

/**
 * What a leaf says: a good one by X509-SVID, then spoilt as asked.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function leafPlan(options: IssueOptions, context: DefectContext, keyType: KeyType): CertificatePlan {
  const subject = options.subject ?? '';
  const good: CertificatePlan = {
    keyType: options.keyType ?? keyType,
    subject,
    ...validity(options, context.now, HOUR_MS),
    basicConstraints: { ca: false },
    keyUsage: { critical: true, names: options.keyUsage ?? keyUsageFor(options.keyType ?? keyType) },
    extendedKeyUsage: options.extendedKeyUsage ?? ['serverAuth', 'clientAuth'],
    subjectAltNames: [{ type: 'url', value: context.id }, ...(options.extraNames ?? [])],
    // RFC 5280 4.1.2.6: critical when the subject is empty.
    subjectAltNamesCritical: subject === '',
    nameConstraints: { critical: true, permitted: [], excluded: [] },
    subjectKeyId: 'own',
    unknownCriticalExtension: false,
    encodingDefects: [],
  };
  return (options.defects ?? []).reduce(
    (plan, defect) => defectNamed(APPLY_LEAF_DEFECT, defect)(plan, context),
    good,
  );
}

function keyUsageFor(keyType: AnyKeyType): readonly KeyUsageName[] {
  if (keyType === 'ed25519') return ['digitalSignature'];
  // RFC 5280 4.2.1.3: encipherment is for RSA keys, agreement for (EC)DH keys.
  return ['digitalSignature', keyType.startsWith('rsa') ? 'keyEncipherment' : 'keyAgreement'];
}
