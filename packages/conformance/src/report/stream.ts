import { type RunWatcher } from '../cli/run-adapter.ts';
import { lineWriter } from './line-writer.ts';
import { countStatuses, type RunReport } from './run-report.ts';

/** Results as they come, one JSON object per line: `begin`, each `result`, `end`. */
export interface ResultStream extends RunWatcher {
  /** Writes what was learned after a case had run, and the end. */
  end(report: RunReport): void;
}

/** Writes results to a file as they come. Of two results for one case the later one counts. */
export function resultStream(file: string, kit: string, seed: string): ResultStream {
  const write = lineWriter(file);
  const said = new Map<string, string>();
  return {
    begin: ({ implementation: { more, ...implementation }, protocol }, started) =>
      write({
        begin: { format: 1, kit, protocol, implementation: { ...implementation, ...more }, started, seed },
      }),
    after: (_, result) => {
      said.set(result.case, result.status);
      write({ result });
    },
    end: (report) => {
      for (const { selected: _, ...result } of report.results)
        if (said.get(result.case) !== result.status) write({ result });
      const { durationMs, partial, remarks, claims, results } = report;
      write({
        end: { durationMs, partial, remarks, claims, summary: Object.fromEntries(countStatuses(results)) },
      });
    },
  };
}
