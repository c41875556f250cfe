// `npm run kit:mutants`: plays the cases of behaviour against the reference adapter, broken in one way after the other, and
// writes down which case notices which. Each case has to be noticed by one, and each one by a case.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { MUTANTS } from '../interop/typescript/src/mutants/break-with.ts';

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, json: { type: 'string' }, jobs: { type: 'string' } },
});
const root = join(import.meta.dirname, '..');
const node = [process.execPath, '--conditions=@svidkit/source'] as const;
const bin = join(root, 'packages/conformance/src/bin.ts');
const adapter = join(root, 'interop/typescript/src/main.ts');
const folder = mkdtempSync(join(tmpdir(), 'kill-matrix-'));

interface Result {
  readonly case: string;
  readonly status: string;
  readonly reason?: string;
}

// What never comes need not be waited for long.
const OPTIONS = ['--timeout-factor', '0.4', '--seed', '1'];
const NOTICED = new Set(['fail', 'error', 'timeout', 'crash']);
const killers = new Map<string, string[]>();
const todo = MUTANTS.filter(({ name }) => values.only === undefined || values.only.includes(name));
const queue = [...todo];
let problems = 0;

await Promise.all(Array.from({ length: Number(values.jobs ?? 2) }, () => work()));
rmSync(folder, { recursive: true });

const lines = Array.from(
  killers,
  ([id, names]) => `${JSON.stringify(id)}:${JSON.stringify(names.toSorted())}`,
);
if (values.json !== undefined) writeFileSync(values.json, `{\n${lines.toSorted().join(',\n')}\n}\n`);
console.log(
  `${todo.length} mutants, ${killers.size} cases that notice one, ${problems} mutants that nobody notices`,
);
process.exitCode = problems === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const results = await play(mutant.name, mutant.cases);
    const ids = results
      // What the kit could not do itself proves nothing.
      .filter(({ status, reason = '' }) => NOTICED.has(status) && !reason.startsWith('the kit:'))
      .map((result) => result.case);
    for (const id of ids) killers.set(id, [...(killers.get(id) ?? []), mutant.name]);
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
    ...node.slice(1),
    bin,
    'run',
    ...patterns.flatMap((pattern) => ['--case', pattern]),
    ...OPTIONS,
    '--json',
    file,
    '--',
    ...node,
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
