import { appendFileSync } from 'node:fs';

import { allSuites } from '../all-suites.ts';
import { Evidence } from '../evidence/evidence.ts';
import { EXIT, KitFailure, usageFailure } from '../exit-code.ts';
import { matrixPage } from '../matrix/matrix-page.ts';
import { buildMatrix } from '../matrix/matrix.ts';
import { type AdapterCommand } from '../protocol/adapter-process.ts';
import { badgeJson, badgeSvg } from '../report/badge.ts';
import { type Changes, changesSince } from '../report/changes.ts';
import { junitXml } from '../report/junit.ts';
import { lineWriter } from '../report/line-writer.ts';
import { markdownReport } from '../report/markdown.ts';
import { parseResults, readResults } from '../report/read-results.ts';
import { resultsJson } from '../report/results-json.ts';
import { badResults, executedCount, type RunReport } from '../report/run-report.ts';
import { resultStream } from '../report/stream.ts';
import { summaryText } from '../report/summary.ts';
import { loadRequirements } from '../requirements/requirement-set.ts';
import { isKitFailure } from '../run/result.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine, requireAdapter } from './command-line.ts';
import { ownVersion } from './own-version.ts';
import { requireSoundKit } from './require-sound-kit.ts';
import { runAdapter } from './run-adapter.ts';
import { readRunOptions, RUN_KINDS, type RunOptions } from './run-options.ts';
import { writeFile } from './write-file.ts';

const RUN_HELP = `Usage: spiffe-conformance run [options] -- <adapter> [arguments]

Which cases (each may be given several times):
  --suite NAME  --case PATTERN  --profile NAME  --level LEVEL
  --shard 2/4                 one of four parts
  --quick                     without cases that take seconds
  --outside limbo:PATH        cases of x509-limbo in place of the kit's, or wycheproof:PATH; they back no claim
How to run them:
  --seed TEXT                 the order of cases inside of a suite
  --repeat N                  each case as often, and every time has to pass
  --isolation run|case        one process, or one for each case
  --timeout-factor N          for slow machines
  --transport unix:PATH       the adapter connects to this socket, and what it prints is no message
  --bail N                    stop after as many failures
  --at INSTANT                judge cases that hold at any time at this one
How to judge them:
  --codes warn|ignore|strict  what to make of a rejection for another reason
  --against spec|reference    whether to want the reference's way where the standard leaves it open
  --known FILE                failures that are known
  --claim PROFILE             fail unless the profile is conformant, as the requirements have it
  --requirements REVISION     those that claims are about; default: the newest
  --no-fail                   exit code 0 in place of 1
Where to write:
  --json FILE  --junit FILE  --markdown FILE
  --html FILE                 one page with every case, as matrix makes it of several
  --badge FILE                .json for shields.io, .svg as a picture; of a whole run alone
  --step-summary              append the Markdown to the summary of this job of GitHub Actions
  --baseline FILE             results of an earlier run: tell what is other now
  --evidence FOLDER           of each case that failed: what was said, certificates, and a script that runs it again
  --keep                      evidence of cases that passed, too
  --stream FILE               results as they come, one JSON object per line
  --trace FILE                every line that goes either way, as it goes

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
  const adapter = requireAdapter(line);
  requireProfiles(options);
  if (options.stepSummary && io.stepSummary === undefined)
    throw usageFailure('--step-summary is for GitHub Actions, and GITHUB_STEP_SUMMARY is not set');
  const baseline = options.baseline === undefined ? undefined : readResults(options.baseline);
  const report = await runAndRecord(adapter, options, io);
  const changes = baseline === undefined ? undefined : changesSince(baseline, report);
  io.stdout.write(summaryText(report, changes));
  writeReports(report, changes, options, io);
  if (report.partial && io.interrupted.aborted) return EXIT.interrupted;
  requireSoundKit(report.results);
  if (executedCount(report.results) === 0 && badResults(report.results).length === 0) {
    throw new KitFailure(EXIT.kit, 'not a single case was executed');
  }
  const isClaimed = options.claim.every((profile) =>
    report.claims.some((claim) => claim.profile === profile && claim.verdict === 'conformant'),
  );
  if (!isClaimed) io.stderr.write(`spiffe-conformance: not conformant: ${options.claim.join(', ')}\n`);
  return (badResults(report.results).length === 0 && isClaimed) || options.noFail ? EXIT.passed : EXIT.failed;
}

/** The page of one run. It is made of the results as everybody reads them. */
function pageOf(report: RunReport): string {
  return matrixPage(buildMatrix([parseResults(resultsJson(report), 'these results')], allSuites()));
}

function requireProfiles({ requirements, claim }: RunOptions): void {
  const { profiles } = loadRequirements(requirements);
  for (const profile of claim) {
    if (!Object.hasOwn(profiles, profile))
      throw usageFailure(
        `the requirements ${requirements} have no profile ${JSON.stringify(profile)}; there is ${Object.keys(profiles).join(', ')}`,
      );
  }
}

async function runAndRecord(adapter: AdapterCommand, options: RunOptions, io: CliIo): Promise<RunReport> {
  const { trace, stream, evidence } = options.files;
  const traced = trace === undefined ? undefined : lineWriter(trace);
  const streamed = stream === undefined ? undefined : resultStream(stream, ownVersion(), options.seed);
  const kept =
    evidence === undefined
      ? undefined
      : new Evidence({
          folder: evidence,
          keep: options.keep,
          files: options.outside.length === 0 ? allSuites() : [],
          repro: {
            program: io.program ?? ['npx', '@svidkit/conformance'],
            adapter,
            folder: process.cwd(),
            options: optionsThatMatter(options),
          },
        });
  const report = await runAdapter(adapter, options, io, [
    ...(traced === undefined
      ? []
      : [{ line: (direction: string, line: string) => traced({ [direction]: line }) }]),
    ...(streamed === undefined ? [] : [streamed]),
    ...(kept === undefined ? [] : [kept]),
  ]);
  streamed?.end(report);
  return kept === undefined ? report : kept.finish(report);
}

/** What has to be the same for a case to come to the same. */
function optionsThatMatter(options: RunOptions): readonly string[] {
  const { seed, codes, against, at, isolation, repeat, timeoutFactor, socket, known } = options;
  const always = { seed, codes, against, isolation, repeat, 'timeout-factor': timeoutFactor };
  return [
    ...Object.entries(always).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...options.outside.flatMap((source) => ['--outside', source]),
    ...(at === undefined ? [] : ['--at', at]),
    ...(socket === undefined ? [] : ['--transport', `unix:${socket}`]),
    ...(known === undefined ? [] : ['--known', known]),
  ];
}

function writeReports(report: RunReport, changes: Changes | undefined, options: RunOptions, io: CliIo): void {
  const { json, junit, markdown, html, badges } = options.files;
  if (json !== undefined) writeFile(json, resultsJson(report));
  if (junit !== undefined) writeFile(junit, junitXml(report));
  if (markdown !== undefined) writeFile(markdown, markdownReport(report, changes));
  if (html !== undefined) writeFile(html, pageOf(report));
  if (options.stepSummary && io.stepSummary !== undefined)
    appendFileSync(io.stepSummary, markdownReport(report, changes));
  // A run that was cut short says nothing about the implementation.
  if (report.partial || report.results.some((one) => isKitFailure(one))) return;
  for (const badge of badges) writeFile(badge, badge.endsWith('.svg') ? badgeSvg(report) : badgeJson(report));
}
