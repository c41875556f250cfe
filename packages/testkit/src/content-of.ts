import { type Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** What a file holds, or undefined when it cannot be read. */
export function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
