import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { runCli } from '../src/cli/run-cli.ts';
import { type CaseResult } from '../src/run/result.ts';
import { loadSuites } from '../src/vectors/load-suites.ts';

/** How a run of the command ended, and what it said. */
export interface KitRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The reference adapter, from its sources. */
export const REFERENCE: readonly string[] = [
  process.execPath,
  '--conditions=@svidkit/source',
  join(import.meta.dirname, '../../../interop/typescript/src/main.ts'),
];

/** The same, without what needs handles: a run of every case is over soon. */
export const STATIC_REFERENCE: readonly string[] = [...REFERENCE, '--static'];

/** Selects the vectors alone, without what is played. */
export const STATIC: readonly string[] = loadSuites().flatMap(({ suite }) => ['--suite', suite]);

/** An adapter that does one thing wrong; see `hostile-adapter.ts`. */
export function hostile(mode: string): readonly string[] {
  return [process.execPath, join(import.meta.dirname, 'hostile-adapter.ts'), mode];
}

/** The case in which it does so. */
export const VICTIM = 'spiffe-id/accept/segment-dots[name=dot-first]';

/** Selects that case and four that go well. */
export const VICTIM_AND_OTHERS: readonly string[] = [
  '--case',
  'spiffe-id/accept/segment-dots*',
  '--case',
  'spiffe-id/accept/td-and-path',
  '--seed',
  '1',
];

/** Runs the command in this process. */
export async function runKit(
  argv: readonly string[],
  interrupted = new AbortController().signal,
): Promise<KitRun> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCli(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    interrupted,
  });
  return { exitCode, stdout, stderr };
}

/** The parts of a results file that tests look at. */
export interface Results {
  readonly summary: Readonly<Record<string, number>>;
  readonly run: { readonly seed: string; readonly remarks?: readonly string[]; readonly partial?: boolean };
  readonly results: readonly CaseResult[];
}

/** Runs cases against an adapter and reads the results that it wrote. */
export async function runCases(
  options: readonly string[],
  adapter: readonly string[],
): Promise<KitRun & { readonly results: Results; readonly text: string }> {
  const file = join(temporaryDirectory(), 'results.json');
  const run = await runKit(['run', '--json', file, ...options, '--', ...adapter]);
  let text = '{}';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // It ended before there were results.
  }
  return { ...run, text, results: JSON.parse(text) as Results };
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
