import { type Clause, loadClauses } from '../coverage/clause.ts';
import { cover, type Cover } from '../coverage/cover.ts';
import { EXIT } from '../exit-code.ts';
import { specLink } from '../spec/spec-link.ts';
import { count } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';

const COVERAGE_HELP = `Usage: spiffe-conformance coverage [--all] [--json]

Holds every sentence of the SPIFFE standards that says MUST against the cases: those that test it, the suites that it waits
for, or the reason why there can be no case. Exit code 1 when one has none of these.

  --all    every sentence, and those that say SHOULD as well
  --json   for programs
`;

/** Says which sentences of the standards the cases cover. */
export function coverageCommand(argv: readonly string[], io: CliIo): number {
  const line = readCommandLine(argv, { all: 'flag', json: 'flag', help: 'flag' });
  if (line.flag('help')) {
    io.stdout.write(COVERAGE_HELP);
    return EXIT.passed;
  }
  const { file, catalogue } = loadClauses();
  const covers = [...cover(file, catalogue)];
  const binding = covers.filter(([{ level }]) => level.startsWith('MUST'));
  if (line.flag('json')) {
    const rows = covers.map(([clause, found]) => ({
      ...clause,
      link: specLink(clause.doc, clause.section),
      cover: found,
    }));
    io.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);
  } else {
    const shown = line.flag('all') ? covers : binding.filter(([, { kind }]) => kind === 'nothing');
    for (const [clause, found] of shown) io.stdout.write(clauseLine(clause, found));
    io.stdout.write(table(binding));
    io.stdout.write(waitingLines(binding));
    for (const [name, why] of Object.entries(file.reasons)) {
      const bound = binding.filter(([, found]) => found.kind === 'reason' && found.name === name);
      if (bound.length > 0) io.stdout.write(`no case (${name}): ${bound.length}, ${why}\n`);
    }
  }
  const bare = binding.filter(([, { kind }]) => kind === 'nothing');
  io.stderr.write(
    bare.length === 0
      ? ''
      : `spiffe-conformance: ${count(bare.length, 'sentence')} without a case or a reason\n`,
  );
  return bare.length === 0 ? EXIT.passed : EXIT.failed;
}

type Covered = readonly (readonly [Clause, Cover])[];

function clauseLine({ id, doc, section, level, text }: Clause, found: Cover): string {
  return `${id.padEnd(5)} ${doc} ${section} ${level === 'none' ? '' : level} ${text}\n      ${describe(found)}\n`;
}

function describe(found: Cover): string {
  if (found.kind === 'waiting') return `waits for ${found.suites.join(', ')}`;
  if (found.kind === 'reason') return `no case (${found.name}): ${found.why}`;
  if (found.kind === 'nothing') return `NOTHING: ${found.why}`;
  const shown = found.ids.slice(0, 3).join(', ');
  return found.ids.length > 3 ? `${shown} and ${found.ids.length - 3} more` : shown;
}

/** One line for each document, and one for all. */
function table(binding: Covered): string {
  const lines = [['document', 'MUST', 'cases', 'waiting', 'no case', 'nothing']];
  const documents = [...new Set(binding.map(([{ doc }]) => doc))];
  for (const doc of [...documents, 'all']) {
    const rows = binding.filter(([clause]) => doc === 'all' || clause.doc === doc);
    const number = (kind: Cover['kind']): string =>
      String(rows.filter(([, found]) => found.kind === kind).length);
    lines.push([
      doc,
      String(rows.length),
      number('cases'),
      number('waiting'),
      number('reason'),
      number('nothing'),
    ]);
  }
  return lines
    .map(([first = '', ...rest]) => `${first.padEnd(18)}${rest.map((cell) => cell.padStart(9)).join('')}\n`)
    .join('');
}

function waitingLines(binding: Covered): string {
  const suites = new Map<string, number>();
  for (const [, found] of binding) {
    if (found.kind !== 'waiting') continue;
    const name = found.suites.join(', ');
    suites.set(name, (suites.get(name) ?? 0) + 1);
  }
  return Array.from(suites, ([suite, number]) => `waiting for ${suite}: ${number}\n`).join('');
}
