import { allSuites } from '../all-suites.ts';
import { EXIT } from '../exit-code.ts';
import { selectCases } from '../run/select-cases.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';
import { readSelection, SELECTION_KINDS } from './run-options.ts';

const LIST_HELP = `Usage: spiffe-conformance list [--json] [--suite NAME] [--case PATTERN] [--profile NAME] [--level LEVEL] [--shard 2/4] [--quick]
`;

/** Lists cases. */
export function listCommand(argv: readonly string[], io: CliIo): number {
  const line = readCommandLine(argv, { ...SELECTION_KINDS, json: 'flag', help: 'flag' });
  if (line.flag('help')) {
    io.stdout.write(LIST_HELP);
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
