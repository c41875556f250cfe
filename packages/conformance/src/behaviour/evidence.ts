import { lstatSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { type Result } from '../protocol/outcome.ts';
import { type Case } from '../vectors/vector.ts';

/** What was seen of one execution. */
interface Seen {
  /** The directory for all evidence. */
  readonly root: string;
  readonly one: Case;
  readonly result: Result;
  readonly log: readonly string[];
  /** Every line that went either way, as JSON. */
  readonly transcript: readonly string[];
  /** The directory of the case. */
  readonly scratch: string;
  readonly seed: string;
}

/**
 * Writes down what was seen: the steps, the lines that went either way, the files of the case with their links, and how
 * to play it again.
 *
 * @returns the directory.
 */
export function writeEvidence({ root, one, result, log, transcript, scratch, seed }: Seen): string {
  const directory = join(root, one.id.replaceAll(/[^\w.=,-]+/g, '_'));
  mkdirSync(directory, { recursive: true });
  const write = (name: string, text: string): void =>
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  write('steps.txt', `${one.id}: ${one.title}\n\n${log.join('\n')}\n\n${JSON.stringify(result)}\n`);
  write('transcript.ndjson', transcript.map((line) => `${line}\n`).join(''));
  write('files.txt', treeOf(scratch).join('\n'));
  write(
    'repro.txt',
    `spiffe-conformance run --case '${one.id}' --seed ${seed} --keep --trace trace.ndjson -- <adapter>\n`,
  );
  return directory;
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
