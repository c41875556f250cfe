import { readFileSync } from 'node:fs';

/**
 * Reads a file of the package, such as `assets/matrix.css`.
 *
 * @returns its text; undefined when there is no such file.
 */
export function ownFile(path: string): string | undefined {
  // One folder up from the bundle `dist` is the package, one from `src` too, and two from a folder of `src`.
  for (const folder of ['../', '../../']) {
    try {
      return readFileSync(new URL(`${folder}${path}`, import.meta.url), 'utf8');
    } catch {
      // It is in the other one, or nowhere.
    }
  }
  return undefined;
}
