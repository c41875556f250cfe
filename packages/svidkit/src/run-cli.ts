import { type CliIo } from './cli-io.ts';
import { INSPECT_SUMMARY, inspectCommand } from './inspect-command.ts';
import { ownVersion } from './own-version.ts';
import { parseCommandLine } from './parse-command-line.ts';
import { harmless } from './terminal.ts';

/** A command: takes what follows its name, gives the exit code. */
type Command = (argv: readonly string[], io: CliIo) => Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map([['inspect', inspectCommand]]);

const HELP = `svidkit shows what identity the platform gave to this machine's services.

Usage: svidkit <command> [options]

Commands:
  inspect [dir]  ${INSPECT_SUMMARY}

Options:
  -h, --help     Show this, or with a command its own help.
  -V, --version  Show the version.

Exit codes: 0 all is well, 1 something is wrong, 2 usage.
`;

/**
 * The `svidkit` command.
 *
 * @param argv - the arguments after the name of the program.
 * @returns the exit code: 0 all is well, 1 something is wrong, 2 usage.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const [name = ''] = argv;
  const command = COMMANDS.get(name);
  if (command !== undefined) return command(argv.slice(1), io);
  if (name !== '' && !name.startsWith('-')) {
    const known = [...COMMANDS.keys()].join(', ');
    io.stderr.write(
      `svidkit: there is no command ${harmless(JSON.stringify(name))}; there is ${known}. See svidkit --help.\n`,
    );
    return 2;
  }
  const { flags, problem } = parseCommandLine(argv, { help: 'h', version: 'V' }, 0);
  if (problem !== undefined) {
    io.stderr.write(`svidkit: ${problem}. See svidkit --help.\n`);
    return 2;
  }
  if (flags.has('version')) {
    io.stdout.write(`${ownVersion()}\n`);
    return 0;
  }
  if (flags.has('help')) {
    io.stdout.write(HELP);
    return 0;
  }
  io.stderr.write(HELP);
  return 2;
}
