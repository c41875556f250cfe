import { EXIT, KitFailure } from '../exit-code.ts';
import { harmless } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { coverageCommand } from './coverage-command.ts';
import { doctorCommand } from './doctor-command.ts';
import { explainCommand } from './explain-command.ts';
import { flakeCommand } from './flake-command.ts';
import { initCommand } from './init-command.ts';
import { knownCommand } from './known-command.ts';
import { listCommand } from './list-command.ts';
import { matrixCommand } from './matrix-command.ts';
import { mergeCommand } from './merge-command.ts';
import { ownVersion } from './own-version.ts';
import { runCommand } from './run-command.ts';
import { selfTestCommand } from './self-test-command.ts';
import { vectorsCommand } from './vectors-command.ts';

/** A command: takes what follows its name, gives the exit code. */
type Command = (argv: readonly string[], io: CliIo) => Promise<number> | number;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['run', runCommand],
  ['list', listCommand],
  ['explain', explainCommand],
  ['doctor', doctorCommand],
  ['flake', flakeCommand],
  ['self-test', selfTestCommand],
  ['known', knownCommand],
  ['vectors', vectorsCommand],
  ['init', initCommand],
  ['coverage', coverageCommand],
  ['matrix', matrixCommand],
  ['merge', mergeCommand],
]);

const HELP = `spiffe-conformance checks a SPIFFE implementation, in any language, through a small adapter.

Usage: spiffe-conformance <command> [options]

Commands:
  run [options] -- <adapter>   run cases against an adapter
  list [options]               list cases
  explain <case id>            all about one case
  doctor -- <adapter>          check that an adapter speaks the protocol
  flake [options] -- <adapter> play the cases of behaviour over and over
  self-test -- <adapter>       check that the cases notice broken implementations
  coverage                     which sentences of the standards the cases cover
  init <language>              write an adapter to begin with
  vectors -o FILE              the cases as an archive, for tests without Node.js
  known update -- <adapter>    bring a file of known failures up to date
  merge <results> -o FILE      put the parts of one run (run --shard) together
  matrix <results> -o FOLDER   put the results of several implementations beside each other

Every command has --help. Run only adapters that you trust: they are programs on this machine.
`;

/**
 * The `spiffe-conformance` command.
 *
 * @param argv - the arguments after the name of the program.
 * @returns the exit code, see {@link EXIT}.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--version' || name === '-V') {
    io.stdout.write(`${ownVersion()}\n`);
    return EXIT.passed;
  }
  if (name === '--help' || name === '-h') {
    io.stdout.write(HELP);
    return EXIT.passed;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) {
    io.stderr.write(
      name === ''
        ? HELP
        : `spiffe-conformance: there is no command ${harmless(JSON.stringify(name))}. See --help.\n`,
    );
    return EXIT.usage;
  }
  try {
    return await command(rest, io);
  } catch (error) {
    if (!(error instanceof KitFailure)) throw error;
    io.stderr.write(`spiffe-conformance: ${error.message}\n`);
    return error.exitCode;
  }
}
