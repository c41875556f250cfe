import { writeFileSync } from 'node:fs';

import { EXIT } from '../exit-code.ts';
import { killMatrix } from '../mutants/kill-matrix.ts';
import { SURVIVORS } from '../mutants/survivors.ts';
import { AdapterHost } from '../protocol/adapter-host.ts';
import { count } from '../terminal-text.ts';
import { loadSuites } from '../vectors/load-suites.ts';
import { type CliIo } from './cli-io.ts';
import { numberOf, readCommandLine, requireAdapter, socketOf } from './command-line.ts';

const SELF_TEST_HELP = `Usage: spiffe-conformance self-test [--json FILE] [--timeout-factor N] [--transport unix:PATH] -- <adapter> [arguments]

Checks the kit with adapters that lie in one way each: they ask the given adapter and change what it says. Each case that
the adapter passes has to notice one of them, each of them has to be noticed, and who lies about everything scores nothing.
`;
const MOST_SURVIVORS = 0.05;

/** Checks that the cases notice broken implementations. */
export async function selfTestCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const line = readCommandLine(argv, {
    json: 'one',
    'timeout-factor': 'one',
    transport: 'one',
    help: 'flag',
  });
  if (line.flag('help')) {
    io.stdout.write(SELF_TEST_HELP);
    return EXIT.passed;
  }
  const problems: string[] = [];
  const host = new AdapterHost(requireAdapter(line), {
    timeoutFactor: numberOf(line, 'timeout-factor', 0.01, false) ?? 1,
    socket: socketOf(line),
    listener: { noise: () => {}, misconduct: (detail) => void problems.push(`the adapter ${detail}`) },
  });
  const stop = (): void => host.kill();
  io.interrupted.addEventListener('abort', stop, { once: true });
  const cases = new Map(loadSuites().flatMap((file) => file.cases.map((one) => [one.id, one] as const)));
  let matrix: Awaited<ReturnType<typeof killMatrix>>;
  try {
    matrix = await killMatrix(host, cases);
  } finally {
    // One that goes on running would keep this program from ending, whatever happened.
    await host.end();
  }
  const { killers, unnoticed, idle, crudeScores, mutants } = matrix;
  io.interrupted.removeEventListener('abort', stop);
  if (io.interrupted.aborted) return EXIT.interrupted;

  for (const [id, names] of killers) {
    if (names.length === 0 && SURVIVORS[id] === undefined) problems.push(`no mutant fails ${id}`);
    if (names.length > 0 && SURVIVORS[id] !== undefined)
      problems.push(`${id} is listed as a survivor, and is none`);
  }
  for (const name of unnoticed) problems.push(`no case notices the mutant ${name}`);
  for (const [name, ids] of crudeScores) {
    if (ids.length > 0)
      problems.push(`the mutant ${name} scores ${count(ids.length, 'case')}, such as ${ids[0]}`);
  }
  if (Object.keys(SURVIVORS).length > killers.size * MOST_SURVIVORS)
    problems.push('too many cases are listed as survivors');
  const file = line.one('json');
  if (file !== undefined) writeFileSync(file, matrixText(killers));
  for (const problem of problems) io.stdout.write(`${problem}\n`);
  const aside = idle.length === 0 ? '' : ` (${idle.length} lie about what the adapter does not have)`;
  io.stdout.write(
    `${count(killers.size, 'case')}, ${count(mutants.length, 'mutant')}${aside}: ${problems.length === 0 ? 'all noticed' : count(problems.length, 'problem')}\n`,
  );
  if (killers.size === 0) return EXIT.kit;
  return problems.length === 0 ? EXIT.passed : EXIT.failed;
}

/** One line for each case. */
function matrixText(killers: ReadonlyMap<string, readonly string[]>): string {
  const lines = Array.from(killers, ([id, names]) => `${JSON.stringify(id)}:${JSON.stringify(names)}`);
  return `{\n${lines.toSorted().join(',\n')}\n}\n`;
}
