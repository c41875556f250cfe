// Runs `pnpm run <task>` with the pinned pnpm after a frozen install, from any Node.js >= 18 that has npm.
// The install brings the pinned Node.js itself (the `node-linux-*` optional dependencies), so every task
// runs on that Node.js and not on the one that started this file. No dependency: this runs before install.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const PNPM = 'pnpm@12.21.0';
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [task, ...rest] = process.argv.slice(2);
if (task === undefined) {
  console.error('usage: node scripts/run.mjs <task> [args...]');
  process.exit(2);
}

pnpm('install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn');
pnpm('run', task, ...rest);

/**
 * Runs one pnpm command in the repository root, and ends this process when it fails.
 *
 * @param {string[]} args
 */
function pnpm(...args) {
  const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
  const { status, error } = spawnSync(npx, ['--yes', '--prefer-offline', PNPM, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
