import { existsSync } from 'node:fs';

import { EXIT, KitFailure, usageFailure } from '../exit-code.ts';
import { readKnownDocument } from '../run/known-failures.ts';
import { updateKnown } from '../run/update-known.ts';
import { count, harmless } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine, requireAdapter } from './command-line.ts';
import { ownVersion } from './own-version.ts';
import { runAdapter } from './run-adapter.ts';
import { readRunOptions, SELECTION_KINDS } from './run-options.ts';
import { writeFile } from './write-file.ts';

const KNOWN_HELP = `Usage: spiffe-conformance known update --known FILE [--codes warn|ignore|strict] [--against spec|reference]
                                [--seed TEXT] [--timeout-factor N] [--transport unix:PATH] -- <adapter> [arguments]

Runs every case, and brings the file of known failures up to date: what passes goes, what fails in another way or is new
comes with a reason that begins with TODO. Write the reasons: run --known refuses the file until then.
There is no updating from a part of the kit.
`;

const KINDS = {
  ...SELECTION_KINDS,
  known: 'one',
  codes: 'one',
  against: 'one',
  seed: 'one',
  'timeout-factor': 'one',
  transport: 'one',
  help: 'flag',
} as const;

/** Works on a file of known failures. */
export async function knownCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const line = readCommandLine(argv, KINDS, 1);
  if (line.flag('help')) {
    io.stdout.write(KNOWN_HELP);
    return EXIT.passed;
  }
  if (line.operands[0] !== 'update') throw usageFailure('known update is all there is; see known --help');
  const file = line.one('known');
  if (file === undefined) throw usageFailure('which file? Say --known FILE');
  const options = { ...readRunOptions(line), known: undefined };
  if (!options.full) throw usageFailure('known update needs every case: no filters');
  const document = existsSync(file) ? readKnownDocument(file) : { known: [], head: {} };

  const report = await runAdapter(requireAdapter(line), options, io, []);
  if (report.partial) throw new KitFailure(EXIT.interrupted, `interrupted, and ${file} is as it was`);
  const { known, changes } = updateKnown(document.known, report.results);
  writeFile(file, `${JSON.stringify({ ...document.head, format: 1, kit: ownVersion(), known }, null, 2)}\n`);
  for (const change of changes) io.stdout.write(`${harmless(change)}\n`);
  const todo = known.filter(({ reason }) => typeof reason === 'string' && reason.startsWith('TODO')).length;
  io.stdout.write(
    `${file}: ${known.length} entries${todo === 0 ? '' : `, ${count(todo, 'reason')} to be written`}\n`,
  );
  return EXIT.passed;
}
