import { join } from 'node:path';

import { allSuites } from '../all-suites.ts';
import { EXIT, usageFailure } from '../exit-code.ts';
import { matrixJson } from '../matrix/matrix-json.ts';
import { matrixMarkdown } from '../matrix/matrix-markdown.ts';
import { matrixPage } from '../matrix/matrix-page.ts';
import { disputedCount, buildMatrix } from '../matrix/matrix.ts';
import { readResults } from '../report/read-results.ts';
import { count } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';
import { writeFile } from './write-file.ts';

const MATRIX_HELP = `Usage: spiffe-conformance matrix <results.json>... -o FOLDER

Puts the results of several implementations (run --json) beside each other, as three files in the folder: index.html, which
needs nothing else, matrix.md and matrix.json. Files of the same implementation and version are parts of one run (--shard).
The same files come to the same bytes.
`;

/** Writes the matrix of several results. */
export function matrixCommand(argv: readonly string[], io: CliIo): number {
  const line = readCommandLine(argv, { output: 'one', help: 'flag' }, Number.POSITIVE_INFINITY);
  if (line.flag('help')) {
    io.stdout.write(MATRIX_HELP);
    return EXIT.passed;
  }
  const folder = line.one('output');
  if (folder === undefined) throw usageFailure('where to? Say -o FOLDER');
  if (line.operands.length === 0) throw usageFailure('which results? Name the files that run --json wrote');
  const matrix = buildMatrix(
    line.operands.map((file) => readResults(file)),
    allSuites(),
  );
  writeFile(join(folder, 'index.html'), matrixPage(matrix));
  writeFile(join(folder, 'matrix.md'), matrixMarkdown(matrix));
  writeFile(join(folder, 'matrix.json'), matrixJson(matrix));
  const cases = matrix.suites.reduce((sum, { rows }) => sum + rows.length, 0);
  io.stdout.write(
    `${count(matrix.columns.length, 'implementation')}, ${count(cases, 'case')}, ${count(disputedCount(matrix), 'disagreement')}: ${join(folder, 'index.html')}\n`,
  );
  return EXIT.passed;
}
