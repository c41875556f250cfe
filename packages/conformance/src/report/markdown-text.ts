import { harmless } from '../terminal-text.ts';

/** Text of others in Markdown: nothing of it may become markup. */
export function markdown(text: string): string {
  return harmless(text).replaceAll(/[\\`*_[\]<>|#~!]/g, String.raw`\$&`);
}
