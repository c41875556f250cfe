import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { type Implementation, IMPLEMENTATIONS } from './implementation.ts';
import { keptResults, type Results } from './keep-results.ts';
import { Unavailable } from './run-tool.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCS = join(ROOT, 'docs/conformance');
const KIT = ['--conditions=@svidkit/source', join(ROOT, 'packages/conformance/src/bin.ts')] as const;

const HELP = `usage: npm run interop -- conformance [--only NAME[,NAME] [--docs]] [--json FILE] [--no-docs]

Builds the adapters around SPIFFE libraries of other languages and runs the conformance kit against each. What differs
from the cases is listed in interop/NAME/spiffe-conformance.known.json; whatever differs beyond that fails.

${IMPLEMENTATIONS.map(({ name, library, needs }) => `  ${name.padEnd(11)} ${library.padEnd(12)} needs ${needs}`).join('\n')}

Without its tools an implementation is skipped, and said so. Builds are kept in
\${XDG_CACHE_HOME:-~/.cache}/svidkit-interop/conformance. When all were run, docs/conformance is written anew.

  --only NAME   these alone; docs/conformance is then left alone
  --docs        with --only: keep what came of these in docs/conformance, beside what is kept of the others
  --json FILE   write what came of each as JSON
  --no-docs     leave docs/conformance alone`;

/** What came of one implementation. */
interface Outcome {
  readonly name: string;
  readonly library: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly why?: string;
  readonly version?: string;
  readonly summary?: Results['summary'];
}

/** `interop conformance`: gives the exit code. */
export async function conformanceCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      docs: { type: 'boolean' },
      'no-docs': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const only = values.only?.split(',');
  const unknown = only?.find((name) => IMPLEMENTATIONS.every((one) => one.name !== name));
  if (unknown !== undefined) {
    console.error(`no implementation is called ${unknown}\n\n${HELP}`);
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'svidkit-conformance-'));
  try {
    const outcomes: Outcome[] = [];
    for (const one of IMPLEMENTATIONS.filter(({ name }) => only?.includes(name) ?? true)) {
      outcomes.push(await judge(one, folder));
    }
    console.log(`\n${outcomes.map((outcome) => lineOf(outcome)).join('\n')}`);
    if (values.json !== undefined) {
      await writeFile(values.json, `${JSON.stringify({ implementations: outcomes }, null, 2)}\n`);
    }
    const count = (state: Outcome['state']): number =>
      outcomes.filter((outcome) => outcome.state === state).length;
    const isWhole = count('passed') === IMPLEMENTATIONS.length;
    const isKept = isWhole || (values.docs === true && count('passed') === outcomes.length);
    if (isKept && values['no-docs'] !== true) await writeDocs(outcomes, folder);
    console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
    // A run that showed nothing is none.
    return count('failed') === 0 && count('passed') > 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Builds an adapter and runs the kit against it. Never throws. */
async function judge(implementation: Implementation, folder: string): Promise<Outcome> {
  const { name, library, known } = implementation;
  console.log(`\n== ${name}: building the adapter around ${library}`);
  try {
    const adapter = await implementation.build();
    const file = join(folder, `${name}.json`);
    const list = known === undefined ? [] : ['--known', known];
    // The order of cases is part of the results.
    const status = runKit('run', '--seed', 'interop', '--json', file, ...list, '--', ...adapter);
    if (status !== 0 && status !== 1) {
      return { name, library, state: 'failed', why: `the kit ended with ${status ?? 'a signal'}` };
    }
    const { implementation: self, summary } = await readJson(file);
    const common = { name, library: self.name, version: self.version, summary };
    return status === 0
      ? { ...common, state: 'passed' }
      : { ...common, state: 'failed', why: 'it differs from the cases beyond what is known' };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return { name, library, state: cause instanceof Unavailable ? 'skipped' : 'failed', why };
  }
}

function lineOf({ name, library, version = '', state, why, summary = {} }: Outcome): string {
  const counts = Object.entries(summary).map(([status, number]) => `${number} ${status}`);
  return `${name}, ${`${library} ${version}`.trim()}: ${state}${why === undefined ? '' : `: ${why}`}${counts.length === 0 ? '' : ` (${counts.join(', ')})`}`;
}

/** Keeps the results in `docs/conformance`, and the matrix of all that are there. */
async function writeDocs(outcomes: readonly Outcome[], folder: string): Promise<void> {
  const results = join(DOCS, 'results');
  await mkdir(results, { recursive: true });
  for (const { name } of outcomes) {
    const text = keptResults(await readJson(join(folder, `${name}.json`)));
    await writeFile(join(results, `${name}.json`), text);
  }
  const files = IMPLEMENTATIONS.map(({ name }) => join(results, `${name}.json`));
  const site = join(folder, 'site');
  const status = runKit('matrix', ...files, '-o', site);
  if (status !== 0) throw new Error(`the matrix could not be made: ${status ?? 'a signal'}`);
  await copyFile(join(site, 'matrix.md'), join(DOCS, 'matrix.md'));
}

function runKit(...args: readonly string[]): number | null {
  return spawnSync(process.execPath, [...KIT, ...args], { stdio: 'inherit' }).status;
}

async function readJson(file: string): Promise<Results> {
  return JSON.parse(await readFile(file, 'utf8')) as Results;
}
