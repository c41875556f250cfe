import { Buffer } from 'node:buffer';

import { SpiffeError } from '@svidkit/core';

import { type CertificatePlan, type SubjectAlternativeName } from './certificate-plan.ts';
import { type DefectContext } from './change-plan.ts';
import { encodeDer } from './der.ts';
import { type KeyType } from './key-type.ts';
import { type LeafDefect } from './leaf-defects.ts';
import { type IssueOptions, leafPlan } from './leaf-plan.ts';

/** The object identifier 2.5.4.3, as DER. */
const COMMON_NAME = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03]);

/** The defects that have nothing to do with a SPIFFE ID. */
export type LegacyDefect = Exclude<
  LeafDefect,
  `${string}uri${string}` | 'no-san' | 'no-path' | 'empty-subject-non-critical-san'
>;

/** What a certificate from before SPIFFE should be like. It has a name: `commonName`, `dnsNames` or both. */
export interface LegacyIssueOptions extends Omit<
  IssueOptions,
  'id' | 'path' | 'subject' | 'extraNames' | 'defects'
> {
  /** The common name of the subject. Default: an empty subject, with critical alternative names. */
  readonly commonName?: string;
  /** DNS names among the alternative names. Default: none. */
  readonly dnsNames?: readonly string[];
  /** Further alternative names, of whatever kind: IP addresses, or URIs that do not belong there. Default: none. */
  readonly extraNames?: readonly SubjectAlternativeName[];
  /** What should be wrong with it, applied in this order. Default: nothing. */
  readonly defects?: readonly LegacyDefect[];
}

/**
 * What a certificate without a SPIFFE ID says: otherwise it is made as an SVID is.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function legacyPlan(
  options: LegacyIssueOptions,
  context: DefectContext,
  keyType: KeyType,
): CertificatePlan {
  const { commonName: name, dnsNames = [], extraNames = [], ...rest } = options;
  const names: readonly SubjectAlternativeName[] = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...extraNames,
  ];
  if (name === undefined && names.length === 0) {
    throw new SpiffeError(
      'ERR_CONFIG_OPTION',
      'want a commonName or dnsNames for a certificate, got neither',
    );
  }
  const plan = { ...leafPlan(rest, context, keyType), subjectAltNames: names };
  return name === undefined ? plan : { ...plan, subject: named(name), subjectAltNamesCritical: false };
}

/** A DER Name of one common name: as text it would be read, and characters lost. */
function named(commonName: string): Uint8Array {
  const value = encodeDer(0x0c, Buffer.from(commonName));
  const attribute = encodeDer(0x30, Buffer.concat([COMMON_NAME, value]));
  return encodeDer(0x30, encodeDer(0x31, attribute));
}
