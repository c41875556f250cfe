import { allSuites } from '../all-suites.ts';
import { EXIT, KitFailure } from '../exit-code.ts';
import { loadOutside } from '../outside/load-outside.ts';
import { AdapterHost } from '../protocol/adapter-host.ts';
import { type AdapterCommand } from '../protocol/adapter-process.ts';
import { type Hello } from '../protocol/capabilities.ts';
import { Progress } from '../report/progress.ts';
import { type RunReport } from '../report/run-report.ts';
import { claimsOf } from '../requirements/claims.ts';
import { loadRequirements } from '../requirements/requirement-set.ts';
import { readKnownFailures } from '../run/known-failures.ts';
import { type CaseResult, isBad, isKitFailure } from '../run/result.ts';
import { CaseRunner } from '../run/run-cases.ts';
import { seededOrder } from '../run/seeded-order.ts';
import { selectCases, type SelectedCase } from '../run/select-cases.ts';
import { harmless } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { ownVersion } from './own-version.ts';
import { type RunOptions } from './run-options.ts';

/** Who looks on while cases run. */
export interface RunWatcher {
  /** The adapter has said hello. */
  begin?(hello: Hello, started: string): void;
  /** A line goes to the adapter or comes from it. */
  line?(direction: 'to' | 'from', line: string): void;
  /** A case is about to run, with its control if that has not run yet. */
  before?(one: SelectedCase): void;
  /** A case has run. `stderr` is the end of what the adapter wrote there. */
  after?(one: SelectedCase, result: CaseResult, stderr: string): void;
}

/**
 * Runs the selected cases against an adapter.
 *
 * @throws {@link KitFailure} when nothing is selected, or the adapter cannot be started.
 */
export async function runAdapter(
  adapter: AdapterCommand,
  options: RunOptions,
  io: CliIo,
  watchers: readonly RunWatcher[],
): Promise<RunReport> {
  const outside = options.outside.length === 0 ? undefined : loadOutside(options.outside, ownVersion());
  const files = outside?.files ?? allSuites();
  const all = new Map(files.flatMap(({ cases }) => cases.map((one) => [one.id, one] as const)));
  const selected = inOrder(selectCases(files, options.selection), options.seed);
  if (selected.length === 0) throw new KitFailure(EXIT.kit, 'not a single case was selected');
  const requirements = loadRequirements(options.requirements);
  const started = new Date();
  const today = started.toISOString().slice(0, 10);
  const known =
    options.known === undefined ? () => undefined : readKnownFailures(options.known, [...all.keys()], today);

  const remarks = new Set<string>(outside?.remarks);
  const revoked: [string, string][] = [];
  const host = new AdapterHost(adapter, {
    timeoutFactor: options.timeoutFactor,
    socket: options.socket,
    listener: {
      noise: (text) =>
        remarks.add(
          `the adapter prints to stdout what is no message; send logs to stderr. First: ${harmless(text).slice(0, 80)}`,
        ),
      misconduct: (detail, caseId) => {
        if (caseId === undefined) remarks.add(`the adapter ${detail}`);
        else revoked.push([caseId, `the adapter ${detail}`]);
      },
      line: (direction, line) => {
        for (const watcher of watchers) watcher.line?.(direction, line);
      },
    },
  });
  const stop = (): void => host.kill();
  io.interrupted.addEventListener('abort', stop, { once: true });
  const runner = new CaseRunner(host, all, {
    ...options,
    known,
    play: { seed: options.seed, keep: options.keep, evidence: options.files.evidence },
  });
  const progress = new Progress(io);
  const done: SelectedCase[] = [];
  try {
    const hello = await host.hello();
    for (const watcher of watchers) watcher.begin?.(hello, started.toISOString());
    let failures = 0;
    for (const one of selected) {
      if (io.interrupted.aborted || failures >= options.bail) break;
      for (const watcher of watchers) watcher.before?.(one);
      const result = await runner.run(one.case);
      if (io.interrupted.aborted) break;
      done.push(one);
      progress.add(one.suite, result);
      for (const watcher of watchers) watcher.after?.(one, result, host.stderrTail);
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
    const partial = done.length < selected.length;
    return {
      kit: ownVersion(),
      hello,
      started: started.toISOString(),
      durationMs: Date.now() - started.getTime(),
      seed: options.seed,
      filters: options.filters,
      full: options.full,
      partial,
      results,
      requirements: requirements.revision,
      // Where the kit failed, nothing can be said about the implementation.
      claims:
        options.full && !partial && !results.some((one) => isKitFailure(one))
          ? claimsOf(requirements, results)
          : [],
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
