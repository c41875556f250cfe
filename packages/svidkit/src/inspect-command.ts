import { type CliIo } from './cli-io.ts';
import { inspectDirectory } from './inspect-directory.ts';
import { parseCommandLine } from './parse-command-line.ts';
import { renderReport } from './render-report.ts';
import { harmlessJson, paintFor, widthOf } from './terminal.ts';

/** What the command does, as one sentence. */
export const INSPECT_SUMMARY = 'Show the identity in a mounted directory, and what is wrong.';

const HELP = `${INSPECT_SUMMARY}

Usage: svidkit inspect [options] [dir]

Without dir it looks where a service would: in the directory that the
environment variable SPIFFE_CREDENTIAL_FOLDER names, else it asks the Workload
API at SPIFFE_ENDPOINT_SOCKET, else it looks in the well-known directories, and
says where it looked. It reads as the user who runs it, never writes, and never
shows bytes of a key.

Options:
      --bundles FILE  The bundle map that the service has as option bundles.
      --json          Print one JSON object (see the README of svidkit).
      --strict        Count warnings as errors.
  -h, --help          Show this.

Exit codes: 0 a service can use it (there may be warnings),
            1 something is wrong with it, 2 usage.
`;

/**
 * `svidkit inspect`.
 *
 * @param argv - what follows the name of the command.
 * @returns the exit code.
 */
export async function inspectCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const { flags, values, operands, problem } = parseCommandLine(
    argv,
    { json: undefined, strict: undefined, help: 'h' },
    1,
    ['bundles'],
  );
  if (problem !== undefined) {
    io.stderr.write(`svidkit inspect: ${problem}. See svidkit inspect --help.\n`);
    return 2;
  }
  if (flags.has('help')) {
    io.stdout.write(HELP);
    return 0;
  }
  const [directory] = operands;
  if (directory === '') {
    io.stderr.write('svidkit inspect: the directory has no name. See svidkit inspect --help.\n');
    return 2;
  }
  const report = await inspectDirectory(directory, io, values.get('bundles'));
  const { stdout, env } = io;
  const showSearch = directory === undefined;
  stdout.write(
    flags.has('json')
      ? `${harmlessJson(report)}\n`
      : renderReport(report, { paint: paintFor(stdout, env), width: widthOf(stdout), showSearch }),
  );
  const isFine = report.verdict === 'ok' || (report.verdict === 'warning' && !flags.has('strict'));
  return isFine ? 0 : 1;
}
