import { type CertificatePlan, type EncodingDefect, type KeyUsageName } from './certificate-plan.ts';

/** What a defect may need to know about the certificate it spoils. */
export interface DefectContext {
  readonly trustDomain: string;
  /** The SPIFFE ID that a good certificate would carry. */
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Changes the plan of a good certificate. */
export type ApplyDefect = (plan: CertificatePlan, context: DefectContext) => CertificatePlan;

/** An hour in milliseconds: how far from now spoilt validities are. */
export const HOUR_MS = 3_600_000;

/** Valid until an hour before now. */
export function expired(plan: CertificatePlan, { now }: DefectContext): CertificatePlan {
  return { ...plan, notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS };
}

/** Valid from an hour after now. */
export function notYetValid(plan: CertificatePlan, { now }: DefectContext): CertificatePlan {
  return { ...plan, notBefore: now + HOUR_MS, notAfter: now + 2 * HOUR_MS };
}

/** Adds a change of the encoding. */
export function withEncodingDefect(plan: CertificatePlan, defect: EncodingDefect): CertificatePlan {
  return { ...plan, encodingDefects: [...plan.encodingDefects, defect] };
}

/** Changes which usages the key usage extension names. */
export function changeKeyUsage(
  plan: CertificatePlan,
  change: (names: readonly KeyUsageName[]) => readonly KeyUsageName[],
): CertificatePlan {
  return { ...plan, keyUsage: { critical: true, names: change(plan.keyUsage?.names ?? []) } };
}

/** Replaces the URI names, and leaves others. */
export function withUris(plan: CertificatePlan, ...uris: readonly string[]): CertificatePlan {
  const others = plan.subjectAltNames.filter(({ type }) => type !== 'url');
  return { ...plan, subjectAltNames: [...uris.map((value) => ({ type: 'url' as const, value })), ...others] };
}
