#!/usr/bin/env node
import { nodeProblem } from './cli/node-problem.ts';
import { runCli } from './cli/run-cli.ts';
import { EXIT } from './exit-code.ts';

const { stdout, stderr, execPath, execArgv, argv, versions } = process;
// The one place that reads the environment.
// oxlint-disable-next-line node/no-process-env
const stepSummary = process.env['GITHUB_STEP_SUMMARY'];
// A reader that went away (`spiffe-conformance list | head`) is no failure of ours.
stdout.on('error', () => {});
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupt.abort());
}
// Without this, an error in the middle of an event would end with 1, as a failed case does.
process.once('uncaughtException', (error) => {
  tell(error);
  process.exit(EXIT.kit);
});
void main();

async function main(): Promise<void> {
  const problem = nodeProblem(versions.node);
  if (problem !== undefined) {
    stderr.write(`spiffe-conformance: ${problem}\n`);
    process.exitCode = EXIT.kit;
    return;
  }
  try {
    process.exitCode = await runCli(argv.slice(2), {
      stdout,
      stderr,
      interrupted: interrupt.signal,
      program: [execPath, ...execArgv, ...argv.slice(1, 2)],
      stepSummary,
    });
  } catch (error) {
    tell(error);
    process.exitCode = EXIT.kit;
  }
}

function tell(error: unknown): void {
  stderr.write(
    `spiffe-conformance: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}
