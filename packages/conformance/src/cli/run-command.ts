import { appendFileSync, writeFileSync } from 'node:fs';

import { allSuites } from '../all-suites.ts';
import { EXIT, KitFailure } from '../exit-code.ts';
import { AdapterHost } from '../protocol/adapter-host.ts';
import { type AdapterCommand } from '../protocol/adapter-process.ts';
import { junitXml } from '../report/junit.ts';
import { markdownReport } from '../report/markdown.ts';
import { Progress } from '../report/progress.ts';
import { resultsJson } from '../report/results-json.ts';
import { badResults, executedCount, type RunReport } from '../report/run-report.ts';
import { summaryText } from '../report/summary.ts';
import { readKnownFailures } from '../run/known-failures.ts';
import { isBad } from '../run/result.ts';
import { CaseRunner } from '../run/run-cases.ts';
import { seededOrder } from '../run/seeded-order.ts';
import { isWhole, selectCases, type SelectedCase } from '../run/select-cases.ts';
import { harmless } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine, requireAdapter } from './command-line.ts';
import { ownVersion } from './own-version.ts';
import { readRunOptions, RUN_KINDS, type RunOptions } from './run-options.ts';

const RUN_HELP = `Usage: spiffe-conformance run [options] -- <adapter> [arguments]

Which cases (each may be given several times):
  --suite NAME  --case PATTERN  --profile NAME  --level LEVEL
  --shard 2/4                 one of four parts
  --quick                     without cases that take seconds
How to run them:
  --seed TEXT                 the order of cases inside of a suite
  --repeat N                  each case as often, and every time has to pass
  --isolation run|case        one process, or one for each case
  --timeout-factor N          for slow machines
  --bail N                    stop after as many failures
  --at INSTANT                judge cases that hold at any time at this one
How to judge them:
  --codes warn|ignore|strict  what to make of a rejection for another reason
  --against spec|reference    whether to want the reference's way where the standard leaves it open
  --known FILE                failures that are known
  --no-fail                   exit code 0 in place of 1
Where to write:
  --json FILE  --junit FILE  --markdown FILE
  --trace FILE                every line that goes either way, as it goes
  --evidence DIR              steps, lines and files of played cases that do not pass
  --keep                      leave the directories of played cases

Exit codes: 0 passed, 1 failed, 2 usage, 3 adapter, 4 kit or nothing executed, 130 interrupted.
`;

/** Runs cases against an adapter. */
export async function runCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const line = readCommandLine(argv, { ...RUN_KINDS, help: 'flag' });
  if (line.flag('help')) {
    io.stdout.write(RUN_HELP);
    return EXIT.passed;
  }
  const options = readRunOptions(line);
  const report = await run(requireAdapter(line), options, io);
  io.stdout.write(summaryText(report));
  writeReports(report, options);
  if (report.partial && io.interrupted.aborted) return EXIT.interrupted;
  if (executedCount(report.results) === 0 && badResults(report.results).length === 0) {
    throw new KitFailure(EXIT.kit, 'not a single case was executed');
  }
  return badResults(report.results).length === 0 || options.noFail ? EXIT.passed : EXIT.failed;
}

async function run(adapter: AdapterCommand, options: RunOptions, io: CliIo): Promise<RunReport> {
  const files = allSuites();
  const all = new Map(files.flatMap(({ cases }) => cases.map((one) => [one.id, one] as const)));
  const selected = inOrder(selectCases(files, options.selection), options.seed);
  if (selected.length === 0) throw new KitFailure(EXIT.kit, 'not a single case was selected');
  const started = new Date();
  const today = started.toISOString().slice(0, 10);
  const known =
    options.known === undefined ? () => undefined : readKnownFailures(options.known, [...all.keys()], today);

  const trace = options.trace === undefined ? undefined : openTrace(options.trace);
  const remarks = new Set<string>();
  const revoked: [string, string][] = [];
  const host = new AdapterHost(adapter, {
    timeoutFactor: options.timeoutFactor,
    listener: {
      noise: (text) =>
        remarks.add(
          `the adapter prints to stdout what is no message; send logs to stderr. First: ${harmless(text).slice(0, 80)}`,
        ),
      misconduct: (detail, caseId) => {
        if (caseId === undefined) remarks.add(`the adapter ${detail}`);
        else revoked.push([caseId, `the adapter ${detail}`]);
      },
      ...(trace === undefined ? {} : { line: trace }),
    },
  });
  const stop = (): void => host.kill();
  io.interrupted.addEventListener('abort', stop, { once: true });
  const runner = new CaseRunner(host, all, { ...options, known, play: options });
  const progress = new Progress(io);
  const done: SelectedCase[] = [];
  try {
    const hello = await host.hello();
    let failures = 0;
    for (const one of selected) {
      if (io.interrupted.aborted || failures >= options.bail) break;
      const result = await runner.run(one.case);
      if (io.interrupted.aborted) break;
      done.push(one);
      progress.add(one.suite, result);
      if (isBad(result.status)) failures++;
    }
    progress.end();
    const ending = io.interrupted.aborted ? undefined : await host.end();
    if (ending !== undefined) remarks.add(`at its end the adapter ${ending}`);
    for (const [caseId, reason] of revoked) runner.revoke(caseId, reason);
    const results = done
      .flatMap((one) => {
        const result = runner.resultOf(one.case.id);
        return result === undefined ? [] : [{ ...result, selected: one }];
      })
      .toSorted((a, b) => (a.case < b.case ? -1 : 1));
    return {
      kit: ownVersion(),
      hello,
      started: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      seed: options.seed,
      filters: options.filters,
      full: isWhole(options.selection),
      partial: done.length < selected.length,
      results,
      remarks: onePerKind(remarks),
    };
  } finally {
    io.interrupted.removeEventListener('abort', stop);
    host.kill();
  }
}

/** Suite by suite, in an order inside of each that the seed decides. */
function inOrder(selected: readonly SelectedCase[], seed: string): readonly SelectedCase[] {
  const suites = [...new Set(selected.map(({ suite }) => suite))];
  return suites.flatMap((suite) =>
    seededOrder(
      selected.filter((one) => one.suite === suite),
      seed,
      (one) => one.case.id,
    ),
  );
}

/** What an adapter prints is said once, whatever it prints. */
function onePerKind(remarks: ReadonlySet<string>): readonly string[] {
  const firstNoise = [...remarks].find((remark) => remark.startsWith('the adapter prints'));
  return [...remarks].filter((remark) => !remark.startsWith('the adapter prints') || remark === firstNoise);
}

/** Written line by line, so that nothing is lost when the run ends in the middle. */
function openTrace(file: string): (direction: 'to' | 'from', line: string) => void {
  const write = (text: string, append: boolean): void => {
    try {
      if (append) appendFileSync(file, text);
      else writeFileSync(file, text);
    } catch (error) {
      throw new KitFailure(
        EXIT.kit,
        `${file} cannot be written: ${error instanceof Error ? error.message : ''}`,
      );
    }
  };
  write('', false);
  return (direction, line) => write(`${JSON.stringify({ [direction]: line })}\n`, true);
}

function writeReports(report: RunReport, { files }: RunOptions): void {
  const writers = [
    [files.json, resultsJson],
    [files.junit, junitXml],
    [files.markdown, markdownReport],
  ] as const;
  for (const [file, write] of writers) {
    if (file === undefined) continue;
    try {
      writeFileSync(file, write(report));
    } catch (error) {
      throw new KitFailure(
        EXIT.kit,
        `${file} cannot be written: ${error instanceof Error ? error.message : ''}`,
      );
    }
  }
}
