import { join } from 'node:path';

/** The folder for what was seen of one case. */
export function evidenceFolder(root: string, id: string): string {
  return join(root, id.replaceAll('[', '@').replaceAll(']', ''));
}
