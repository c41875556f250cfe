// What importing the packages costs above a process that only imports node:tls.
import { spawnSync } from 'node:child_process';

import { median } from './statistics.ts';

/** CPU of one import above the baseline. */
export interface ImportResult {
  readonly name: string;
  readonly extraMs: number;
  readonly bar: number;
  readonly met: boolean;
}

const PRINT = 'const {user,system}=process.cpuUsage();process.stdout.write(String((user+system)/1000))';

/** Medians of `runs` processes each, interleaved. */
export function benchImports(runs: number, report: (line: string) => void): ImportResult[] {
  const subjects = [
    { name: 'import @svidkit/core', code: `await import('@svidkit/core');`, bar: 10 },
    {
      name: 'import @svidkit/mount and @svidkit/tls',
      code: `await import('@svidkit/mount'); await import('@svidkit/tls');`,
      bar: 30,
    },
  ];
  const baseline: number[] = [];
  const measured = subjects.map((): number[] => []);
  for (let run = 0; run < runs; run += 1) {
    baseline.push(cpuOf(''));
    for (const [i, { code }] of subjects.entries()) measured[i]?.push(cpuOf(code));
  }
  return subjects.map(({ name, bar }, i) => {
    const extraMs = median(measured[i] ?? []) - median(baseline);
    const result: ImportResult = { name, extraMs, bar, met: extraMs <= bar };
    report(
      `${result.met ? 'met   ' : 'MISSED'} ${name}: ${extraMs.toFixed(1)} ms CPU above node:tls (<= ${bar}); ${runs} processes each`,
    );
    return result;
  });
}

function cpuOf(code: string): number {
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', `await import('node:tls');${code}${PRINT}`],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`importing failed: ${code}`);
  return Number(stdout);
}
