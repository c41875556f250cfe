import { readFileSync } from 'node:fs';

/** The version of this package. */
export function ownVersion(): string {
  // One folder up from `src` and from `dist` alike.
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const hasVersion = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return hasVersion ? String(manifest.version) : 'unknown';
}
