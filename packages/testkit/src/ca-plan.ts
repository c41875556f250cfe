import { randomBytes, type webcrypto } from 'node:crypto';

import { APPLY_CA_DEFECT, type CaDefect, type CaDefectContext } from './ca-defects.ts';
import { type CertificatePlan, type ConstrainedName, type ExtendedKeyUsageName } from './certificate-plan.ts';
import { defectNamed } from './defect-named.ts';
import { type KeyType } from './key-type.ts';
import { type TestCa } from './test-ca.ts';
import { validity } from './validity.ts';

/** What the certificate of a CA should be like. Everything may be left out. */
export interface CaOptions {
  /** Common name. Default: the trust domain and a random suffix, so that no two CAs share a subject by chance. */
  readonly name?: string;
  /** Its SPIFFE ID; `''` for none. Default: `spiffe://<trust domain>` (X509-SVID 3.2). */
  readonly id?: string;
  /** Default: `p256`; of an intermediate, the key type of its parent. */
  readonly keyType?: KeyType;
  /** The key pair to use. Default: a new one, which nothing else uses. */
  readonly key?: webcrypto.CryptoKeyPair;
  /** Default: one day ago; of an intermediate, as its parent. */
  readonly notBefore?: Date;
  /** Default: ten years ahead; of an intermediate, as its parent. */
  readonly notAfter?: Date;
  /** Milliseconds from now (or from `notBefore`, if given) until it expires; instead of `notAfter`. */
  readonly lifetimeMs?: number;
  /** How many intermediates may follow below it. Default: any number. */
  readonly pathLength?: number;
  /** URI hosts (`a.test`, or `.a.test` for all below it) that certificates under it must have. Default: any. */
  readonly permittedUris?: readonly string[];
  /** URI hosts that certificates under it must not have. Default: none. */
  readonly excludedUris?: readonly string[];
  /** DNS names that certificates under it must be in, if they have any. Default: any. */
  readonly permittedDnsNames?: readonly string[];
  /** DNS names that certificates under it must not be in. Default: none. */
  readonly excludedDnsNames?: readonly string[];
  /** Default: absent. */
  readonly extendedKeyUsage?: readonly ExtendedKeyUsageName[];
  /** What should be wrong with it, applied in this order. Default: nothing. */
  readonly defects?: readonly CaDefect[];
  /** The CA whose subject or key identifier the defects `copied-subject` and `copied-skid` copy. */
  readonly copyFrom?: TestCa;
}

const DAY_MS = 86_400_000;

/** The validity of a CA of which nothing else was said. */
export function defaultCaValidity(now: number): { notBefore: number; notAfter: number } {
  return validity({ notBefore: new Date(now - DAY_MS) }, now, 3651 * DAY_MS);
}

/**
 * What the certificate of a CA says: a good one by X509-SVID, then spoilt as asked.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function caPlan(
  options: CaOptions,
  context: CaDefectContext,
  inherited: { readonly keyType: KeyType; readonly notBefore: number; readonly notAfter: number },
): CertificatePlan {
  const { pathLength } = options;
  const name = options.name ?? `${context.trustDomain} CA ${randomBytes(4).toString('hex')}`;
  const good: CertificatePlan = {
    keyType: options.keyType ?? inherited.keyType,
    subject: `CN=${name.replaceAll(/[\\,+"<>;=#]/g, String.raw`\$&`)}`,
    ...caValidity(options, context.now, inherited),
    basicConstraints: pathLength === undefined ? { ca: true } : { ca: true, pathLength },
    keyUsage: { critical: true, names: ['keyCertSign', 'cRLSign'] },
    extendedKeyUsage: options.extendedKeyUsage ?? [],
    subjectAltNames: context.id === '' ? [] : [{ type: 'url', value: context.id }],
    subjectAltNamesCritical: false,
    nameConstraints: {
      critical: true,
      permitted: constrained(options.permittedUris, options.permittedDnsNames),
      excluded: constrained(options.excludedUris, options.excludedDnsNames),
    },
    subjectKeyId: 'own',
    unknownCriticalExtension: false,
    encodingDefects: [],
  };
  return (options.defects ?? []).reduce(
    (plan, defect) => defectNamed(APPLY_CA_DEFECT, defect)(plan, context),
    good,
  );
}

function caValidity(
  options: CaOptions,
  now: number,
  inherited: { readonly notBefore: number; readonly notAfter: number },
): { notBefore: number; notAfter: number } {
  const { lifetimeMs, notAfter } = options;
  const notBefore = options.notBefore ?? new Date(inherited.notBefore);
  if (notAfter !== undefined) return validity({ notBefore, notAfter }, now, 1);
  if (lifetimeMs === undefined)
    return validity({ notBefore, notAfter: new Date(inherited.notAfter) }, now, 1);
  const start = options.notBefore?.getTime() ?? now;
  return validity({ notBefore, notAfter: new Date(start + lifetimeMs) }, now, 1);
}

function constrained(uris: readonly string[] = [], dnsNames: readonly string[] = []): ConstrainedName[] {
  return [
    ...uris.map((value): ConstrainedName => ({ type: 'uri', value })),
    ...dnsNames.map((value): ConstrainedName => ({ type: 'dns', value })),
  ];
}
