import { readFileSync } from 'node:fs';

/** The version of the kit. */
export function ownVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
        return String(manifest.version);
    } catch {
      // One folder up from the bundle, two from the sources.
    }
  }
  return '0.0.0';
}
