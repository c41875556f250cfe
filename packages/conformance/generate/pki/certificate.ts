import { createHash } from 'node:crypto';

import { type Json } from '../../src/json.ts';
import { bits, element, integer, oid, sequence, time } from './der.ts';
import {
  authorityKeyId,
  basic,
  distinguishedName,
  eku,
  type Extension,
  san,
  subjectKeyId,
  usage,
} from './extensions.ts';
import { type Key } from './keys.ts';

/** A certificate, the key it is for, and how it was made. */
export interface Certificate {
  readonly der: Buffer;
  readonly key: Key;
  /** Common name. */
  readonly subject: string;
  readonly recipe: Json;
}

/** Extensions by what they are, in their order; null leaves one out, a list is written whole. */
type Extensions = Readonly<Record<string, Extension | readonly Extension[] | null>>;

/** What a certificate is to be. */
interface CertificatePlan {
  readonly key: Key;
  /** Common name. */
  readonly subject: string;
  /** Default: itself. */
  readonly issuer?: Certificate;
  /** Common name, in place of the one of `issuer`. */
  readonly issuerName?: string;
  /** Signs in place of the key of `issuer`. */
  readonly signer?: Key;
  /** RFC 3339 without fractions. Default: from 2020 to 2120. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  /** Default: 3. */
  readonly version?: 1 | 3;
  readonly extensions?: Extensions;
  /** AlgorithmIdentifier beside the signature, in place of the signed one. */
  readonly outerAlgorithm?: Buffer;
  /** Makes the signature out of a good one. */
  readonly signature?: (good: Buffer) => Buffer;
  /** Changes the whole encoding at the end. */
  readonly edit?: (der: Buffer) => Buffer;
  /** What the recipe says of the defect. */
  readonly defect?: string;
}

/** Changes to an ordinary certificate. */
export type Changes = Partial<CertificatePlan>;

const ALWAYS = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2120-01-01T00:00:00Z' } as const;

/** Long over, and still far ahead, whatever the clock says from 2026 to 2099. */
export const EXPIRED = { notBefore: '2020-01-01T00:00:00Z', notAfter: '2020-01-02T00:00:00Z' } as const;
export const FUTURE = { notBefore: '2110-01-01T00:00:00Z', notAfter: '2120-01-01T00:00:00Z' } as const;

/** Issues a CA certificate as SPIFFE wants it, but for `changes`. */
export function issueCa(subject: string, key: Key, changes: Changes = {}): Certificate {
  return issue({
    subject,
    key,
    ...changes,
    extensions: {
      basicConstraints: basic(true),
      keyUsage: usage(['keyCertSign', 'cRLSign']),
      subjectKeyId: subjectKeyId(key),
      ...(changes.issuer === undefined ? {} : { authorityKeyId: authorityKeyId(changes.issuer.key) }),
      ...changes.extensions,
    },
  });
}

/** Issues an X.509-SVID, but for `changes`. */
export function issueSvid(
  id: string,
  key: Key,
  issuer: Certificate | undefined,
  changes: Changes = {},
): Certificate {
  return issue({
    subject: 'workload',
    key,
    ...(issuer === undefined ? {} : { issuer }),
    ...changes,
    extensions: {
      basicConstraints: basic(false),
      keyUsage: usage(['digitalSignature']),
      extendedKeyUsage: eku('server', 'client'),
      ...(issuer === undefined ? {} : { authorityKeyId: authorityKeyId(issuer.key) }),
      subjectAltName: san([`uri:${id}`]),
      ...changes.extensions,
    },
  });
}

function issue(plan: CertificatePlan): Certificate {
  const {
    key,
    subject,
    issuer,
    version = 3,
    notBefore = ALWAYS.notBefore,
    notAfter = ALWAYS.notAfter,
  } = plan;
  const signer = plan.signer ?? issuer?.key ?? key;
  const issuerName = plan.issuerName ?? issuer?.subject ?? subject;
  const extensions = Object.entries(plan.extensions ?? {}).flatMap(([name, one]) => {
    if (one === null || version === 1) return [];
    return ('der' in one ? [one] : one).map((each) => [name, each] as const);
  });
  const { defect } = plan;
  const recipe = {
    subject,
    issuer: issuerName,
    key: key.name,
    signedBy: `${signer.name}, ${signer.scheme}`,
    notBefore,
    notAfter,
    ...(version === 3 ? {} : { version }),
    extensions: extensions.map(([name, one]) => ({ [name]: one.recipe })),
    ...(defect === undefined ? {} : { defect }),
  };
  const signed = sequence(
    ...(version === 1 ? [] : [element(0xa0, integer(2))]),
    serialOf(recipe),
    signer.algorithm,
    distinguishedName(issuerName),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(subject),
    key.spki,
    ...(extensions.length === 0 ? [] : [element(0xa3, sequence(...extensions.map(([, one]) => one.der)))]),
  );
  const good = signer.sign(signed);
  const der = sequence(signed, plan.outerAlgorithm ?? signer.algorithm, bits(plan.signature?.(good) ?? good));
  return { der: plan.edit?.(der) ?? der, key, subject, recipe };
}

/** Follows from the recipe, so that no two certificates have the same one by accident. */
function serialOf(recipe: Json): Buffer {
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest();
  return integer(digest.readBigUInt64BE() >> 1n);
}

/** An AlgorithmIdentifier of ECDSA with SHA-384, which is not the default one. */
export const ECDSA_SHA384: Buffer = sequence(oid('1.2.840.10045.4.3.3'));
