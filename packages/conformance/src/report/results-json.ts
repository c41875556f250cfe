import { PROTOCOLS } from '../protocol/capabilities.ts';
import { countStatuses, type RunReport } from './run-report.ts';

/** The results as JSON of `schemas/results.v1.schema.json`. */
export function resultsJson(report: RunReport): string {
  const { name, version, language, more } = report.hello.implementation;
  const document = {
    format: 1,
    kit: report.kit,
    protocol: PROTOCOLS.includes(report.hello.protocol) ? report.hello.protocol : 1,
    implementation: { name, version, language, ...more },
    run: {
      started: report.started,
      durationMs: report.durationMs,
      seed: report.seed,
      os: `${process.platform}-${process.arch}`,
      selection: { full: report.full, filters: report.filters, requirements: report.requirements },
      ...(report.partial ? { partial: true } : {}),
      ...(report.remarks.length === 0 ? {} : { remarks: report.remarks }),
    },
    summary: Object.fromEntries(countStatuses(report.results)),
    claims: report.claims,
    results: report.results.map((result) => ({ ...result, selected: undefined })),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}
