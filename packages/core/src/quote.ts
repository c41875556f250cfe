const SHOWN = 96;

/**
 * Quotes untrusted text for a message: printable ASCII as it is, everything else as `\u` escapes (a log line can
 * neither be broken nor be re-ordered by it), and no more than the first 96 characters.
 */
export function quote(text: string): string {
  let shown = '';
  for (let index = 0; index < Math.min(text.length, SHOWN); index++) {
    const code = text.charCodeAt(index);
    if (code === 0x22 || code === 0x5c) shown += `\\${text.charAt(index)}`;
    else if (code >= 0x20 && code < 0x7f) shown += text.charAt(index);
    else shown += `\\u${code.toString(16).padStart(4, '0')}`;
  }
  return text.length > SHOWN ? `"${shown}..." (${text.length} characters)` : `"${shown}"`;
}

/** Names what came instead of what was wanted, without showing what is in it. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'undefined';
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return 'an array';
  return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
