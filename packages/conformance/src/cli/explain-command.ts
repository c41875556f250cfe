import { createHash } from 'node:crypto';

import { allSuites } from '../all-suites.ts';
import { EXIT, usageFailure } from '../exit-code.ts';
import { isObject, type Json } from '../json.ts';
import { loadOutside } from '../outside/load-outside.ts';
import { type Case, type VectorFile } from '../vectors/vector.ts';
import { type CliIo } from './cli-io.ts';
import { readCommandLine } from './command-line.ts';
import { ownVersion } from './own-version.ts';

const EXPLAIN_HELP = `Usage: spiffe-conformance explain <case id> [--outside limbo:PATH|wycheproof:PATH]
`;

/** Tells everything about one case: what it asks, what it wants and why, and how its certificates were made. */
export function explainCommand(argv: readonly string[], io: CliIo): number {
  const line = readCommandLine(argv, { outside: 'many', help: 'flag' }, 1);
  const [id] = line.operands;
  if (line.flag('help') || id === undefined) {
    (line.flag('help') ? io.stdout : io.stderr).write(EXPLAIN_HELP);
    return line.flag('help') ? EXIT.passed : EXIT.usage;
  }
  const outside = line.many('outside');
  for (const file of outside.length > 0 ? loadOutside(outside, ownVersion()).files : allSuites()) {
    const found = file.cases.find((one) => one.id === id);
    if (found === undefined) continue;
    io.stdout.write(explain(found, file));
    return EXIT.passed;
  }
  throw usageFailure(`there is no case ${JSON.stringify(id)}; see spiffe-conformance list`);
}

function explain(one: Case, file: VectorFile): string {
  const lines = [`${one.id} (${one.level})`, `  ${one.title}`];
  if (one.why !== undefined) lines.push(`why: ${one.why}`);
  for (const { doc, section, quote } of one.spec) {
    lines.push(`rests on: ${doc} ${section}${quote === undefined ? '' : `, "${quote}"`}`);
  }
  if (one.control !== undefined) lines.push(`control: ${one.control} has to pass first`);
  if (one.features !== undefined) lines.push(`needs: ${one.features.join(', ')}`);
  if (one.time.mode === 'fixed') lines.push(`at: ${one.time.at}`);
  if (one.behaviour === undefined) {
    lines.push(
      `call: ${one.op} ${JSON.stringify(one.params)}`,
      `wants: ${JSON.stringify(one.expect)}`,
      ...(one.reference === undefined ? [] : [`the reference: ${JSON.stringify(one.reference)}`]),
    );
  } else {
    lines.push(
      `is played with ${[one.op, ...one.behaviour.ops].join(', ')}; run it with --evidence to see the steps`,
    );
    if ('anyOf' in one.expect)
      lines.push(`may come to: ${one.expect.anyOf.map(({ branch }) => branch).join(', ')}`);
  }
  for (const [where, recipe] of recipesOf(one.params, file, ''))
    lines.push(`${where}: ${JSON.stringify(recipe)}`);
  return `${lines.join('\n')}\n`;
}

/** The recipe of each certificate among the parameters, and where it stands. */
function recipesOf(value: Json, file: VectorFile, where: string): readonly (readonly [string, Json])[] {
  if (typeof value === 'string') {
    const fingerprint = createHash('sha256').update(Buffer.from(value, 'base64')).digest('hex');
    const recipe = file.recipes?.[fingerprint];
    return recipe === undefined ? [] : [[where, recipe]];
  }
  if (isObject(value)) {
    return Object.entries(value).flatMap(([name, inner]) =>
      recipesOf(inner, file, where === '' ? name : `${where}.${name}`),
    );
  }
  if (!Array.isArray(value)) return [];
  const entries: readonly Json[] = value;
  return entries.slice(0, 20).flatMap((inner, index) => recipesOf(inner, file, `${where}[${index}]`));
}
