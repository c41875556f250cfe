// `npm run kit:mutants`: plays the cases of behaviour against the reference adapter, broken in one way after the other, and
// writes down which case notices which. Each case has to be noticed by one, and each one by a case.
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { build } from 'esbuild';

import { MUTANTS } from '../interop/typescript/src/mutants/break-with.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'string' },
    jobs: { type: 'string' },
    'timeout-factor': { type: 'string' },
  },
});
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'kill-matrix-'));
// In one file each, since every mutant is started several times.
const bin = join(folder, 'dist/bin.mjs');
const adapter = join(folder, 'adapter.mjs');
for (const [entry, outfile] of [
  ['packages/conformance/src/bin.ts', bin],
  ['interop/typescript/src/main.ts', adapter],
] as const) {
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    conditions: ['@svidkit/source'],
    logLevel: 'error',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
}
for (const name of ['vectors', 'requirements', 'assets', 'package.json']) {
  cpSync(join(root, 'packages/conformance', name), join(folder, name), { recursive: true });
}

interface Result {
  readonly case: string;
  readonly status: string;
  readonly reason?: string;
}

// What never comes need not be waited for long.
const OPTIONS = ['--timeout-factor', values['timeout-factor'] ?? '0.5', '--seed', '1'];
const NOTICED = new Set(['fail', 'error', 'timeout', 'crash']);
const killers = new Map<string, string[]>();
const todo = MUTANTS.filter(({ name }) => values.only === undefined || values.only.includes(name));
const queue = [...todo];
let problems = 0;

// With `--only`, what is known of the others stays.
const { json } = values;
if (json !== undefined && values.only !== undefined) {
  for (const [id, names] of Object.entries(
    JSON.parse(readFileSync(json, 'utf8')) as Record<string, string[]>,
  )) {
    killers.set(
      id,
      names.filter((name) => !values.only?.includes(name)),
    );
  }
}
await Promise.all(Array.from({ length: Number(values.jobs ?? 2) }, () => work()));
rmSync(folder, { recursive: true });
console.log(
  `${todo.length} mutants, ${killers.size} cases that notice one, ${problems} mutants that nobody notices`,
);
process.exitCode = problems === 0 ? 0 : 1;

/** Written after each mutant, so that nothing is lost. */
function write(): void {
  if (json === undefined) return;
  const lines = [...killers]
    .filter(([, names]) => names.length > 0)
    .map(([id, names]) => `${JSON.stringify(id)}:${JSON.stringify(names.toSorted())}`);
  writeFileSync(json, `{\n${lines.toSorted().join(',\n')}\n}\n`);
}

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const results = await play(mutant.name, mutant.cases);
    const ids = results
      // What the kit could not do itself proves nothing.
      .filter(({ status, reason = '' }) => NOTICED.has(status) && !reason.startsWith('the kit:'))
      .map((result) => result.case);
    for (const id of ids) killers.set(id, [...(killers.get(id) ?? []), mutant.name]);
    write();
    if (ids.length === 0) problems++;
    const kit = results.filter(({ reason = '' }) => reason.startsWith('the kit:'));
    console.log(
      `${ids.length === 0 ? 'NOBODY NOTICES' : `${ids.length} of ${results.length} notice`} ${mutant.name}: it ${mutant.lie}`,
    );
    for (const { case: id, reason } of kit.slice(0, 2))
      console.log(`  the kit failed: ${id} ${reason?.slice(0, 200)}`);
  }
}

function play(name: string, patterns: readonly string[]): Promise<readonly Result[]> {
  const file = join(folder, `${name}.json`);
  const args = [
    bin,
    'run',
    ...patterns.flatMap((pattern) => ['--case', pattern]),
    ...OPTIONS,
    '--json',
    file,
    '--',
    process.execPath,
    adapter,
    '--mutant',
    name,
  ];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('close', () => {
      try {
        const { results } = JSON.parse(readFileSync(file, 'utf8')) as { readonly results: readonly Result[] };
        resolve(results);
      } catch {
        console.log(`  ${name} could not be played: ${said.slice(0, 400)}`);
        resolve([]);
      }
    });
  });
}
