// `npm test`: every step in turn, each with its duration, all of them even when one fails, and a closing line
// `N passed, N failed, N skipped` that counts the tests and, as one each, the other steps.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Later steps need it: nothing else runs when it fails. */
  readonly required?: true;
}

const REPORT = 'node_modules/.cache/vitest-report.json';
const STEPS: readonly Step[] = [
  { name: 'types', command: ['tsc', '-b'], required: true },
  {
    name: 'build',
    command: ['pnpm', '--filter', './packages/*', '--parallel', '--loglevel=warn', 'run', 'build'],
    required: true,
  },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'lint', command: ['oxlint', '--deny-warnings'] },
  { name: 'dead code', command: ['knip'] },
  {
    name: 'tests',
    command: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`],
  },
  { name: 'packages', command: ['node', 'scripts/test-packages.ts'] },
];

const { values } = parseArgs({
  options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help === true) {
  console.log(`usage: npm test [-- --only STEP]\n\nSteps: ${STEPS.map(({ name }) => name).join(', ')}`);
  process.exit(0);
}
const chosen = values.only === undefined ? STEPS : STEPS.filter(({ name }) => name === values.only);
if (chosen.length === 0) {
  console.error(`no step is called ${values.only ?? ''}; steps: ${STEPS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

mkdirSync('node_modules/.cache', { recursive: true });
rmSync(REPORT, { force: true });
// It would grow by what is gone after each run.
rmSync('node_modules/.cache/compiled', { recursive: true, force: true });
let passed = 0;
let failed = 0;
let skipped = 0;
const lines: string[] = [];

for (const { name, command, required } of chosen) {
  console.log(`\n=== ${name}: ${command.join(' ')}`);
  const begin = performance.now();
  const [program, ...args] = command;
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const ok = status === 0 && error === undefined;
  lines.push(
    `${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)${error === undefined ? '' : `: ${error.message}`}`,
  );
  if (name === 'tests') countTests(ok);
  else if (ok) passed += 1;
  else failed += 1;
  if (!ok && required === true) {
    lines.push(`the steps after ${name} were not run`);
    break;
  }
}

console.log(`\n${lines.join('\n')}`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);

/** Adds what vitest counted. A failure that no test shows (a file that did not load, an unhandled error) counts as one. */
function countTests(ok: boolean): void {
  try {
    const report = JSON.parse(readFileSync(REPORT, 'utf8')) as Record<string, number>;
    passed += report['numPassedTests'] ?? 0;
    skipped += (report['numPendingTests'] ?? 0) + (report['numTodoTests'] ?? 0);
    const failures = report['numFailedTests'] ?? 0;
    failed += ok ? failures : Math.max(failures, 1);
    if (ok && (report['numPassedTests'] ?? 0) === 0) failed += 1;
  } catch {
    failed += 1;
  }
}
