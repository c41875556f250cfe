import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { EXIT, KitFailure } from '../exit-code.ts';

/**
 * Writes a file that the command was asked for, and the folders above it.
 *
 * @throws {@link KitFailure} (exit code 4) when it cannot be written.
 */
export function writeFile(file: string, content: string | Uint8Array, mode?: number): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, mode === undefined ? {} : { mode });
  } catch (error) {
    throw new KitFailure(
      EXIT.kit,
      `${file} cannot be written: ${error instanceof Error ? error.message : ''}`,
    );
  }
}
