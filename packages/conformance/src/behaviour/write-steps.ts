import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';

import { writeFile } from '../cli/write-file.ts';
import { evidenceFolder } from '../evidence/evidence-folder.ts';
import { type Result } from '../protocol/outcome.ts';
import { type Case } from '../vectors/vector.ts';

const PRIVATE = 0o600;

/** What was seen of one execution. */
interface Seen {
  /** The folder for all evidence. */
  readonly root: string;
  readonly one: Case;
  readonly result: Result;
  readonly log: readonly string[];
  /** The directory of the case. */
  readonly scratch: string;
  readonly seed: string;
}

/** Writes down the steps of a case and its files with their links. What was said is written by others. */
export function writeSteps({ root, one, result, log, scratch, seed }: Seen): void {
  const folder = evidenceFolder(root, one.id);
  const head = `${one.id}: ${one.title}\nseed ${seed}, directory ${scratch}\n`;
  writeFile(join(folder, 'steps.txt'), `${head}\n${log.join('\n')}\n\n${JSON.stringify(result)}\n`, PRIVATE);
  writeFile(join(folder, 'files.txt'), `${treeOf(scratch).join('\n')}\n`, PRIVATE);
}

/** One line for each file: kind, mode, inode, size, path, and where a link leads. */
function treeOf(root: string): readonly string[] {
  const lines: string[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    try {
      const { mode, ino, size } = lstatSync(path);
      const target = entry.isSymbolicLink() ? ` -> ${readlinkSync(path)}` : '';
      lines.push(`${mode.toString(8)} ${ino} ${size} ${relative(root, path)}${target}`);
    } catch {
      lines.push(`gone ${relative(root, path)}`);
    }
  }
  return lines;
}
