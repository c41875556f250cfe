import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version of a package that is installed for interop. */
export function versionOf(name: string): string {
  const path = join(import.meta.dirname, '../node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
}
