import { Buffer } from 'node:buffer';

import { type CertificatePlan, type ConstrainedName } from './certificate-plan.ts';
import { encodeDer } from './der.ts';

/** The value of a name constraints extension (RFC 5280 4.2.1.10), or undefined when nothing is constrained. */
export function encodeNameConstraints(plan: CertificatePlan['nameConstraints']): Uint8Array | undefined {
  const { permitted, excluded } = plan;
  if (permitted.length + excluded.length === 0) return undefined;
  return encodeDer(0x30, ...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded));
}

function subtrees(tag: number, names: readonly ConstrainedName[]): Uint8Array[] {
  if (names.length === 0) return [];
  return [encodeDer(tag, ...names.map(({ type, value }) => encodeDer(0x30, ENCODE_BASE[type](value))))];
}

const COMMON_NAME_OID = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03]);

const ENCODE_BASE: Readonly<Record<ConstrainedName['type'], (value: string) => Uint8Array>> = {
  uri: (host) => encodeDer(0x86, Buffer.from(host)),
  dns: (name) => encodeDer(0x82, Buffer.from(name)),
  email: (host) => encodeDer(0x81, Buffer.from(host)),
  directory: (commonName) => {
    const attribute = encodeDer(0x30, COMMON_NAME_OID, encodeDer(0x0c, Buffer.from(commonName)));
    return encodeDer(0xa4, encodeDer(0x30, encodeDer(0x31, attribute)));
  },
};
