import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { type Capability, missing, unshareMounts } from './capabilities.ts';
import expectedSkips from './expected-skips.json' with { type: 'json' };

const PROGRAM = fileURLToPath(new URL('mount-namespace.ts', import.meta.url));

const cases = [
  [
    35,
    'removed-source',
    'keeps the last good identity when all files vanish under a bind mount, and says what to restart',
  ],
  [36, 'over-mount', 'follows what is mounted over the directory, and what comes back when it is unmounted'],
  [37, 'orphaned', 'shows a mount that its driver has lost as overdue, then critical'],
  [
    38,
    'single-files',
    'says that a file mounted by itself never changes, and follows what is written into it',
  ],
] as const;

const NEEDS: Capability = 'mount';
const reason = missing(NEEDS);

for (const [id, name, title] of cases) {
  if (reason !== undefined) process.stderr.write(`skipped: scenario ${id} (${title}): ${reason}\n`);
  for (const mode of ['inotify', 'poll'] as const) {
    test.skipIf(reason !== undefined)(`scenario ${id} (${mode}): ${title}`, async () => {
      const [command = '', ...args] = unshareMounts();
      const program = [process.execPath, '--conditions=@svidkit/source', PROGRAM, name, mode];
      const { stdout } = await promisify(execFile)(command, [...args, ...program]);
      expect(stdout).toBe('done\n');
      expect(expectedSkips[NEEDS]).toContain(id);
    });
  }
}
