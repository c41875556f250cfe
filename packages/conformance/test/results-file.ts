import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type CaseResult } from '../src/run/result.ts';
import { temporaryDirectory } from './run-kit.ts';

/** What a results file is made of, where a test does not say otherwise. */
export interface ResultsDraft {
  readonly name?: string;
  readonly version?: string;
  readonly homepage?: string;
  readonly started?: string;
  readonly full?: boolean;
  readonly claims?: readonly object[];
  readonly remarks?: readonly string[];
  readonly results: readonly (Pick<CaseResult, 'case' | 'status'> & Partial<CaseResult>)[];
}

/** Writes a results file as `run --json` would. */
export function resultsFile(draft: ResultsDraft): string {
  const { name = 'port', version = '1.0.0', homepage, started = '2026-11-01T00:00:00.000Z' } = draft;
  const { full = true, claims = [], remarks, results } = draft;
  const file = join(temporaryDirectory(), 'results.json');
  const document = {
    format: 1,
    kit: '0.1.0',
    protocol: 1,
    implementation: { name, version, language: 'c', homepage },
    run: { started, durationMs: 1, seed: '1', os: 'linux-x64', selection: { full }, remarks },
    summary: {},
    claims,
    results: results.map((one) => ({ rev: 1, level: 'must', ms: 1, ...one })),
  };
  writeFileSync(file, JSON.stringify(document));
  return file;
}
