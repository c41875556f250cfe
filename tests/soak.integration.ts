// A short soak: `npm run soak` does this for as long as one likes.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const run = promisify(execFile);

test('two services lose no request while their mounts rotate and go wrong', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'svidkit-soak-test-'));
  const json = join(folder, 'summary.json');
  try {
    const args = ['bench/soak/soak.ts', '--for', '40s', '--rotations', '60', '--seed', '11', '--json', json];
    await run(process.execPath, ['--conditions=@svidkit/source', ...args]);

    const summary = JSON.parse(readFileSync(json, 'utf8')) as Record<string, unknown>;
    expect(summary).toMatchObject({ failed: 0, wrongIdentity: 0, problems: [] });
    expect(summary['rotations']).toBeGreaterThanOrEqual(20);
    expect(summary['requests']).toBeGreaterThan(100);
    // The seed brings these.
    expect(summary['published']).not.toMatchObject({ 'root rotation': 0 });
    expect(summary['published']).not.toMatchObject({ 'key of another generation': 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 90_000);
