import { styleText } from 'node:util';

/** Where text goes: `process.stdout`, `process.stderr`, or a test. */
export interface Terminal {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** The width of a terminal, in characters. */
  readonly columns?: number;
}

/** The styles in use. */
export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';

/** Gives text a style, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colour for people alone: on a terminal, unless NO_COLOR says otherwise (no-color.org: set and not empty). */
export function paintFor(terminal: Terminal, env: Readonly<Record<string, string | undefined>>): Paint {
  const plain = terminal.isTTY !== true || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return plain ? (_style, text) => text : (style, text) => styleText(style, text, { validateStream: false });
}

/** Characters per line: 80, or what a narrower terminal has. */
export function widthOf({ isTTY, columns }: Terminal): number {
  return isTTY === true && columns !== undefined && columns >= 40 ? Math.min(columns, 80) : 80;
}

/**
 * Text that others wrote (file names, names in certificates), made harmless: what could move the cursor, re-order a
 * line or hide in it becomes a `\u{...}` escape.
 */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** Indented JSON in which the same characters are escaped. */
export function harmlessJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      const unit = character.charCodeAt(index).toString(16);
      return `\\u${unit.padStart(4, '0')}`;
    }).join(''),
  );
}

/**
 * Breaks text into lines at its spaces. A word that is longer than a line stays whole, so that it can be copied.
 *
 * @param width - characters per line, at least 1.
 */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
