// `pnpm run vectors`: writes the vectors, the list of coverage, the list of published ids and the requirement set. The same bytes every time.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { generatedFiles } from './generated-files.ts';

const root = join(import.meta.dirname, '..');
for (const [path, text] of generatedFiles()) {
  const file = join(root, path);
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch {
    // It is new.
  }
  if (before === text) continue;
  writeFileSync(file, text);
  console.log(`wrote ${path}`);
}
