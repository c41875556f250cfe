import { writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

import { Unavailable } from '../drivers/fetch.ts';
import { pinnedVersion } from './go-program.ts';
import { LoggedError } from './logged-error.ts';
import { PEER, SPIFFE_HELPER, SPIRE_SERVER, SWTPM } from './pins.ts';
import { renderTable, writeGuide } from './report.ts';
import { type Logs, type Result, type Scenario } from './scenario.ts';
import { QUICK, SCENARIOS } from './scenarios/index.ts';
import { Stage } from './stage.ts';

/** Where the logs of failed scenarios are kept. */
const LOGS = join(import.meta.dirname, '../../node_modules/.cache/interop-spire');

const NAMES = [...new Set(SCENARIOS.map(({ name }) => name))];

const HELP = `usage: npm run interop -- spire [--only NAME[,NAME]] [--via WAY] [--quick | --long] [--cached]
                                  [--json FILE] [--no-guide]

Starts SPIRE servers and agents on the loopback, each scenario in a temporary folder of its own that it leaves nothing of,
and shows that svidkit works with them: workloads are processes of several local users.

Scenarios: ${NAMES.join(', ')}
SPIRE, spiffe-helper and the programs of go-spiffe are built from their Go modules (go), at the versions of
interop/spire/{tools,go}/go.mod, once: SPIRE takes many minutes. They are kept in
\${XDG_CACHE_HOME:-~/.cache}/svidkit-interop. Root is needed, to be several local users. A software TPM comes from a
package of Debian 12 (apt-get, dpkg). What cannot be had is skipped, and said so.

  --only NAME   these scenarios only
  --via WAY     workload-api or spiffe-helper: those with identities that come this way only
  --quick       those that take seconds each, over the Workload API; a minute or two in all
  --long        those that take many minutes too
  --cached      builds nothing: skips what is not in the cache, which is no failure
  --json FILE   write the results as JSON
  --no-guide    leave docs/interop/spire.md alone, which a run writes of which everything passed, --long included

Of a scenario that fails, what its programs said is kept in node_modules/.cache/interop-spire, and the summary says where.
INTEROP_KEEP=1 keeps the temporary folders, with configurations and logs.`;

/** `interop spire`: gives the exit code. */
export async function spireCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      via: { type: 'string' },
      quick: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
      cached: { type: 'boolean', default: false },
      json: { type: 'string' },
      'no-guide': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    console.error(`no scenario is called ${unknown}\n\n${HELP}`);
    return 2;
  }
  const chosen = SCENARIOS.filter(({ name, via }) => {
    const asked = only?.includes(name) ?? true;
    const isWay = values.via === undefined || values.via === wayOf(via);
    return asked && isWay && (!values.quick || (QUICK.has(name) && via === 'Workload API'));
  });

  // Ends what runs, by the listeners of `exit`.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const results: Result[] = [];
  for (const [index, scenario] of chosen.entries()) {
    console.log(`\n[${index + 1}/${chosen.length}] ${scenario.name} (${scenario.via}): ${scenario.shows}`);
    const result = await runScenario(scenario, { build: !values.cached, long: values.long });
    const told = result.figures ?? result.why ?? '';
    console.log(`  ${result.state} after ${result.seconds} s${told === '' ? '' : `: ${told}`}`);
    results.push(result);
  }

  const versions = await versionsInUse();
  console.log(`\n${renderTable(results)}`);
  const count = (state: Result['state']): number => results.filter((one) => one.state === state).length;
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  for (const { name, via, state, why, logs } of results) {
    if (state !== 'passed') console.log(`${state}: ${name} (${via}): ${firstLine(why)}`);
    if (logs !== undefined) console.log(`  ${describeLogs(logs)}`);
  }
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify({ versions, results }, null, 2)}\n`);
  }
  if (count('passed') === SCENARIOS.length && !values['no-guide']) await writeGuide(results, versions);
  // A run that showed nothing is none, but for one that was told to do with what there is.
  return count('failed') === 0 && (count('passed') > 0 || values.cached) ? 0 : 1;
}

/** How a way is called on the command line. */
function wayOf(via: Scenario['via']): string {
  return via.toLowerCase().replaceAll(' ', '-');
}

/** The rest was told when it failed. */
function firstLine(text = ''): string {
  return text.split('\n', 1)[0] ?? '';
}

function describeLogs({ folder, files, first }: Logs): string {
  const begin = first === undefined ? '' : `; begin with ${first}`;
  return `logs: ${relative(process.cwd(), folder)}/ (${files.join(', ')})${begin}`;
}

async function runScenario(
  scenario: Scenario,
  { build, long }: { readonly build: boolean; readonly long: boolean },
): Promise<Result> {
  const { name, via, shows } = scenario;
  const started = performance.now();
  const result = (outcome: Pick<Result, 'state' | 'why' | 'figures' | 'logs'>): Result => ({
    name,
    via,
    shows,
    ...outcome,
    seconds: Math.round((performance.now() - started) / 1000),
  });
  const stop = whyNot(scenario, long);
  if (stop !== undefined) return result({ state: 'skipped', why: stop });
  const stage = await Stage.open({ build, say: (text) => console.log(`  ${text}`) });
  try {
    return result({ state: 'passed', figures: await scenario.play(stage) });
  } catch (cause) {
    if (process.env['INTEROP_DEBUG'] !== undefined) console.error(cause);
    const why = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof Unavailable) return result({ state: 'skipped', why });
    return result({ state: 'failed', why, logs: await keepLogs(stage, scenario, cause) });
  } finally {
    await stage.close();
  }
}

/** Keeps what the programs of a failed scenario have said: all else goes with its folder. */
async function keepLogs(stage: Stage, { name, via }: Scenario, cause: unknown): Promise<Logs> {
  const folder = join(LOGS, `${name}-${wayOf(via)}`);
  const files = await stage.keepLogs(folder);
  const first = cause instanceof LoggedError ? basename(cause.log) : undefined;
  return { folder, files, ...(first !== undefined && files.includes(first) ? { first } : {}) };
}

function whyNot({ long = false }: Scenario, runLong: boolean): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root, to be several local users';
  if (long && !runLong) return 'it takes many minutes: --long';
  return undefined;
}

async function versionsInUse(): Promise<Readonly<Record<string, string>>> {
  return {
    SPIRE: await pinnedVersion(SPIRE_SERVER),
    'spiffe-helper': await pinnedVersion(SPIFFE_HELPER),
    'go-spiffe': await pinnedVersion(PEER),
    swtpm: SWTPM[0]?.version ?? '',
    'Node.js': process.version,
  };
}
