/** An error with all its causes, in one line. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  for (let at = error; at instanceof Error && lines.length < 5; at = at.cause) lines.push(at.message);
  return lines.length === 0 ? String(error) : lines.join(': ');
}

/** The code of the first error in the chain of causes that has one of ours. */
export function codeOf(error: unknown): string | undefined {
  let first: string | undefined;
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { readonly code?: unknown };
    if (typeof code !== 'string') continue;
    if (/^ERR_(?:PEER|SOURCE|BUNDLE|SVID|TARGET|CONFIG|JWT)_/.test(code)) return code;
    first ??= code;
  }
  return first;
}
