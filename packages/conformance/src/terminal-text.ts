/**
 * Text that others wrote (what an adapter says, file names), made harmless: what could move the cursor, re-order a
 * line or hide in it becomes a `\u{...}` escape.
 *
 * @param most - how many characters to keep. Default: 400.
 */
export function harmless(text: string, most = 400): string {
  const cut = text.length > most ? `${text.slice(0, most)}...` : text;
  return cut.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** `1 case`, `2 cases`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
