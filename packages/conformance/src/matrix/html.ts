import { harmless } from '../terminal-text.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text of anybody as HTML, in content and in quoted attributes: no markup, nothing invisible, nothing that changes the
 * direction of what stands beside it.
 */
export function html(text: string, most = 400): string {
  return harmless(text, most).replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
