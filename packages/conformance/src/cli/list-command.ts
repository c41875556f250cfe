import { allSuites } from '../all-suites.ts';
import { EXIT } from '../exit-code.ts';
import { REASON_CODES } from '../reason-codes.ts';
import { selectCases } from '../run/select-cases.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';
import { readSelection, SELECTION_KINDS } from './run-options.ts';

const LIST_HELP = `Usage: spiffe-conformance list [--json] [--suite NAME] [--case PATTERN] [--profile NAME] [--level LEVEL] [--shard 2/4] [--quick]
       spiffe-conformance list --codes

Lists cases, or every word that a rejection can have as its code.
`;

/** Lists cases, or reason codes. */
export function listCommand(argv: readonly string[], io: CliIo): number {
  const line = readCommandLine(argv, { ...SELECTION_KINDS, json: 'flag', codes: 'flag', help: 'flag' });
  if (line.flag('help')) {
    io.stdout.write(LIST_HELP);
    return EXIT.passed;
  }
  if (line.flag('codes')) {
    io.stdout.write(`${[...REASON_CODES].join('\n')}\n`);
    return EXIT.passed;
  }
  const selected = selectCases(allSuites(), readSelection(line));
  if (line.flag('json')) {
    const rows = selected.map(({ suite, profile, case: one }) => ({
      id: one.id,
      suite,
      profile,
      level: one.level,
      op: one.op,
      title: one.title,
    }));
    io.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);
  } else {
    for (const { case: one } of selected) io.stdout.write(`${one.level.padEnd(6)} ${one.id}  ${one.title}\n`);
  }
  return EXIT.passed;
}
