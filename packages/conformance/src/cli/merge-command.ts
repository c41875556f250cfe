import { allSuites } from '../all-suites.ts';
import { EXIT, usageFailure } from '../exit-code.ts';
import { mergeResults } from '../report/merge-results.ts';
import { isBad } from '../run/result.ts';
import { selectCases } from '../run/select-cases.ts';
import { count } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';
import { ownVersion } from './own-version.ts';
import { readSelection } from './run-options.ts';
import { writeFile } from './write-file.ts';

const MERGE_HELP = `Usage: spiffe-conformance merge <results.json>... -o FILE [--claim PROFILE]

Puts together the results of run --shard 1/3, 2/3 and 3/3, as one run would have written them, and with what can be
claimed from all of them. Exit code 1 when a case failed, or a profile of --claim is not conformant.
`;

/** Puts the parts of one run together. */
export function mergeCommand(argv: readonly string[], io: CliIo): number {
  const kinds = { output: 'one', claim: 'many', help: 'flag' } as const;
  const line = readCommandLine(argv, kinds, Number.POSITIVE_INFINITY);
  if (line.flag('help')) {
    io.stdout.write(MERGE_HELP);
    return EXIT.passed;
  }
  const file = line.one('output');
  if (file === undefined) throw usageFailure('where to? Say -o FILE');
  const all = selectCases(allSuites(), readSelection(line)).map(({ case: one }) => one.id);
  const { text, results, conformant } = mergeResults(line.operands, all, ownVersion());
  writeFile(file, text);
  const bad = results.filter(({ status }) => isBad(status)).length;
  io.stdout.write(
    `${file}: ${count(results.length, 'case')}, ${bad} failed; conformant: ${conformant.length === 0 ? 'none' : conformant.join(', ')}\n`,
  );
  const lacking = line.many('claim').filter((profile) => !conformant.includes(profile));
  if (lacking.length > 0) io.stderr.write(`spiffe-conformance: not conformant: ${lacking.join(', ')}\n`);
  return bad === 0 && lacking.length === 0 ? EXIT.passed : EXIT.failed;
}
