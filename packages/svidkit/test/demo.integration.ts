import { execFile, type ExecFileException } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface KindSummary {
  readonly attempts: number;
  readonly rejected: number;
  readonly accepted: number;
  readonly unproven: number;
  readonly control: number;
}

interface Summary {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly rotations: number;
  readonly rootRotations: number;
  readonly requests: number;
  readonly failed: number;
  readonly failures: readonly unknown[];
  readonly rejectedIntruders: number;
  readonly acceptedIntruders: number;
  readonly unprovenIntruders: number;
  readonly staleIdentitySeen: number;
  readonly identitiesSeen: number;
  readonly services: readonly { readonly name: string; readonly pid: number; readonly served: number }[];
  readonly intruders: Readonly<Record<string, KindSummary>>;
}

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = resolve(import.meta.dirname, '../../..');

describe('the demo', () => {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-demo-test-'));
  let result: Run;
  let summary: Summary;

  beforeAll(async () => {
    const file = join(directory, 'summary.json');
    result = await demo(directory, '--for', '8s', '--summary', file);
    summary = JSON.parse(readFileSync(file, 'utf8')) as Summary;
  }, 60_000);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('goes on without a failed request while SVIDs and the root rotate', () => {
    expect(summary.failures).toEqual([]);
    expect(summary.failed).toBe(0);
    expect(summary.requests).toBeGreaterThan(300);
    expect(summary.rotations).toBeGreaterThanOrEqual(3);
    expect(summary.rootRotations).toBe(1);
    expect(summary.services.map(({ name }) => name)).toEqual(['frontend', 'api', 'ledger', 'settlement']);
    expect(summary.services.every(({ served }) => served > 0)).toBe(true);
  });

  it('rejects every kind of intruder, and admits the good identity that goes the same way', () => {
    const kinds = Object.entries(summary.intruders);
    expect(kinds.length).toBeGreaterThanOrEqual(8);
    const without = (field: 'attempts' | 'rejected' | 'control'): string[] =>
      kinds.filter(([, kind]) => kind[field] === 0).map(([name]) => name);
    expect({
      attempts: without('attempts'),
      rejected: without('rejected'),
      control: without('control'),
    }).toEqual({
      attempts: [],
      rejected: [],
      control: [],
    });
    expect(summary.acceptedIntruders).toBe(0);
    expect(summary.unprovenIntruders).toBe(0);
    expect(summary.rejectedIntruders).toBe(kinds.reduce((sum, [, { attempts }]) => sum + attempts, 0));
  });

  it('shows no stale identity on a new connection', () => {
    expect(summary.identitiesSeen).toBeGreaterThan(50);
    expect(summary.staleIdentitySeen).toBe(0);
  });

  it('ends with exit code 0 and says so', () => {
    expect(summary.problems).toEqual([]);
    expect(summary.ok).toBe(true);
    expect(result.stdout).toContain('All as it should be.');
    expect(result.code).toBe(0);
  });

  it('leaves no process and no file behind', () => {
    expect(summary.services.filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect(readdirSync(directory)).toEqual(['summary.json']);
  });

  it('turns wrong arguments away with exit code 2 and the usage', async () => {
    const runs = await Promise.all([
      demo(directory, '--for', 'soon'),
      demo(directory, '--for', '1s'),
      demo(directory, '--until', 'noon'),
    ]);
    expect(runs.map(({ code }) => code)).toEqual([2, 2, 2]);
    expect(runs[0]?.stderr).toContain('--for wants a duration like 20s, 2m or 7500ms, got "soon"');
    expect(runs[1]?.stderr).toContain('--for wants at least 5s');
    expect(runs[2]?.stderr).toContain('usage: npm start');
  });

  it('explains itself with --help', async () => {
    const { code, stdout } = await demo(directory, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('usage: npm start');
  });
});

/** Runs the demo on the sources, with its temporary files in `directory`. */
function demo(directory: string, ...args: readonly string[]): Promise<Run> {
  return new Promise((settle) => {
    execFile(
      process.execPath,
      ['--conditions=@svidkit/source', 'examples/demo/main.mjs', ...args],
      { cwd: ROOT, env: { ...process.env, TMPDIR: directory }, timeout: 55_000 },
      (error: ExecFileException | null, stdout, stderr) => {
        settle({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      },
    );
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
