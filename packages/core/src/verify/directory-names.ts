import { attributesOf, type NameAttribute } from '../der/names.ts';
import { decodeText } from '../der/text.ts';

/**
 * Whether a distinguished name is in the subtree of another (RFC 5280 7.1), erring to the safe side: what is
 * permitted has to be the same bytes, what is excluded only has to read alike. Undefined when it cannot be told.
 */
export function isInDirectory(
  name: Buffer,
  base: Buffer,
  purpose: 'permitted' | 'excluded',
): boolean | undefined {
  const names = attributesOf(name, 'distinguished name');
  const bases = attributesOf(base, 'distinguished name');
  if (bases.length > names.length) return false;
  for (const [index, wanted] of bases.entries()) {
    const found = names[index] ?? [];
    const left = relativeName(found, purpose);
    const right = relativeName(wanted, purpose);
    if (left === undefined || right === undefined) return undefined;
    if (left !== right) return false;
  }
  return true;
}

function relativeName(
  attributes: readonly NameAttribute[],
  purpose: 'permitted' | 'excluded',
): string | undefined {
  const parts: string[] = [];
  for (const { type, tag, value } of attributes) {
    const text = purpose === 'permitted' ? `${tag}:${value.toString('hex')}` : readAlike(tag, value);
    if (text === undefined) return undefined;
    parts.push(`${type}=${text}`);
  }
  return parts.toSorted().join('\0');
}

/** Text in which names that people would call the same are the same: case, width and white space are gone. */
function readAlike(tag: number, value: Buffer): string | undefined {
  try {
    return decodeText(tag, value)?.normalize('NFKC').toLowerCase().replaceAll(/\s/gu, '');
  } catch {
    return undefined;
  }
}
