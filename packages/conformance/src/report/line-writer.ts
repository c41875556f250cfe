import { appendFileSync } from 'node:fs';

import { writeFile } from '../cli/write-file.ts';

/**
 * Writes one JSON value per line as things happen, so that nothing is lost when the run ends in the middle.
 *
 * @throws {@link KitFailure} when the file cannot be written.
 */
export function lineWriter(file: string): (value: object) => void {
  writeFile(file, '');
  return (value) => appendFileSync(file, `${JSON.stringify(value)}\n`);
}
