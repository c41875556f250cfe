/** More than any bundle has; what follows stays in one part, which is then no certificate. */
const MOST_PARTS = 50_000;

/**
 * Cuts DER values that stand one after the other apart. What is in them is read later, and strictly, so a bad length
 * only has to lead to a bad part.
 */
export function splitDer(bytes: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const first = bytes[start + 1] ?? 0;
    const octets = first < 0x80 ? 0 : first & 0x7f;
    let length = octets === 0 ? first : 0;
    for (let index = 0; index < octets; index++) length = length * 256 + (bytes[start + 2 + index] ?? 0);
    const isLast = parts.length + 1 === MOST_PARTS;
    const end = isLast ? bytes.length : Math.min(start + 2 + octets + length, bytes.length);
    parts.push(bytes.subarray(start, end));
    start = end;
  }
  return parts;
}
