import { type CertificateFields } from './certificate-fields.ts';
import { attributesOf } from './names.ts';
import { OID } from './object-identifiers.ts';
import { decodeText } from './text.ts';

/** The common name of the subject; undefined unless there is exactly one and it reads as text. */
export function commonNameOf({ subject }: CertificateFields): string | undefined {
  const found = attributesOf(subject, 'subject')
    .flat()
    .filter(({ type }) => type === OID.commonName);
  const [only, ...others] = found;
  if (only === undefined || others.length > 0) return undefined;
  try {
    return decodeText(only.tag, only.value);
  } catch {
    return undefined;
  }
}
