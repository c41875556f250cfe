import { parseArgs, type ParseArgsConfig } from 'node:util';

import { harmless } from './terminal.ts';

/** What a command line said. */
export interface CommandLine {
  /** The names of the flags that were given. */
  readonly flags: ReadonlySet<string>;
  /** What the options that take a value were given; the last one counts. */
  readonly values: ReadonlyMap<string, string>;
  /** What is not an option. */
  readonly operands: readonly string[];
  /** What is wrong with it, as half a sentence. */
  readonly problem: string | undefined;
}

/**
 * Reads a command line that has flags, options with a value, and operands.
 *
 * @param flags - the long name of each flag and its letter, or undefined where it has none.
 * @param maxOperands - how many operands there may be.
 * @param withValue - the long names of the options that take a value.
 */
export function parseCommandLine(
  argv: readonly string[],
  flags: Readonly<Record<string, string | undefined>>,
  maxOperands: number,
  withValue: readonly string[] = [],
): CommandLine {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, short] of Object.entries(flags)) {
    options[name] = { type: 'boolean', ...(short === undefined ? {} : { short }) };
  }
  for (const name of withValue) options[name] = { type: 'string' };
  // Not strict: its messages explain parseArgs, ours what to type.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const given = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  let problem: string | undefined;
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(options, token.name)) problem ??= `there is no option ${quote(token.rawName)}`;
    else if (withValue.includes(token.name)) {
      if (token.value === undefined || token.value === '')
        problem ??= `the option ${token.rawName} wants a value`;
      else values.set(token.name, token.value);
      continue;
    } else if (token.value !== undefined) problem ??= `the option ${token.rawName} takes no value`;
    given.add(token.name);
  }
  const surplus = operands[maxOperands];
  if (surplus !== undefined) problem ??= `${quote(surplus)} is one argument too many`;
  return { flags: given, values, operands, problem };
}

function quote(text: string): string {
  return harmless(JSON.stringify(text));
}
