/**
 * Text that others wrote (what an adapter says, file names), made harmless: what could move the cursor, re-order a
 * line or hide in it becomes a `\u{...}` escape. Cut after 400 characters.
 */
export function harmless(text: string): string {
  const cut = text.length > 400 ? `${text.slice(0, 400)}...` : text;
  return cut.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** `1 case`, `2 cases`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
