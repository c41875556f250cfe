import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { usageFailure } from '../exit-code.ts';
import { type AdapterCommand } from '../protocol/adapter-process.ts';

/** What kind of value an option takes: none, one, or one each time that it is given. */
export type OptionKind = 'flag' | 'one' | 'many';

/** A command line, read. */
export interface CommandLine {
  flag(name: string): boolean;
  one(name: string): string | undefined;
  many(name: string): readonly string[];
  /** What is not an option. */
  readonly operands: readonly string[];
  /** The adapter: what stands after `--`. */
  readonly adapter: AdapterCommand | undefined;
}

/**
 * Reads a command line: options, operands, and after `--` the adapter and its arguments.
 *
 * @throws {@link KitFailure} (exit code 2).
 */
export function readCommandLine(
  argv: readonly string[],
  kinds: Readonly<Record<string, OptionKind>>,
  mostOperands = 0,
): CommandLine {
  const cut = argv.indexOf('--');
  const own = cut === -1 ? argv : argv.slice(0, cut);
  const [program, ...rest] = cut === -1 ? [] : argv.slice(cut + 1);
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      {
        type: kind === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(name === 'output' ? { short: 'o' } : {}),
      },
    ]),
  );
  const { tokens } = parseArgs({ args: [...own], options, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const kind = Object.hasOwn(kinds, token.name) ? kinds[token.name] : undefined;
    if (kind === undefined) throw usageFailure(`there is no option ${JSON.stringify(token.rawName)}`);
    const given = values.get(token.name) ?? [];
    if (kind === 'flag' && token.value !== undefined) throw usageFailure(`${token.rawName} takes no value`);
    if (kind !== 'flag' && token.value === undefined) throw usageFailure(`${token.rawName} wants a value`);
    if (kind === 'one' && given.length > 0) throw usageFailure(`${token.rawName} is given twice`);
    values.set(token.name, [...given, token.value ?? '']);
  }
  const surplus = operands[mostOperands];
  if (surplus !== undefined) {
    const hint = program === undefined ? '; an adapter comes after --, as in: -- ./my-adapter' : '';
    throw usageFailure(`${JSON.stringify(surplus)} is one argument too many${hint}`);
  }
  return {
    flag: (name) => values.has(name),
    one: (name) => values.get(name)?.[0],
    many: (name) => values.get(name) ?? [],
    operands,
    adapter: program === undefined ? undefined : [program, ...rest],
  };
}

/** @throws {@link KitFailure} (exit code 2) without an adapter. */
export function requireAdapter({ adapter }: CommandLine): AdapterCommand {
  if (adapter === undefined)
    throw usageFailure('which adapter? Put its command after --, as in: -- ./my-adapter');
  return adapter;
}

/**
 * The Unix socket that the adapter is to be reached by; undefined: its standard streams.
 *
 * @throws {@link KitFailure} (exit code 2).
 */
export function socketOf(line: CommandLine): string | undefined {
  const given = line.one('transport');
  if (given === undefined || given === 'stdio') return undefined;
  const [, path] = /^unix:(.+)$/s.exec(given) ?? [];
  if (path === undefined) throw usageFailure('--transport is stdio, or unix: and a path');
  if (process.platform === 'win32') throw usageFailure('--transport unix: needs Unix sockets');
  return resolve(path);
}

/** @throws {@link KitFailure} (exit code 2) when it is not one of them. */
export function oneOf<T extends string>(line: CommandLine, name: string, allowed: readonly [T, ...T[]]): T {
  const given = line.one(name);
  if (given === undefined) return allowed[0];
  const found = allowed.find((one) => one === given);
  if (found === undefined) throw usageFailure(`--${name} is one of ${allowed.join(', ')}`);
  return found;
}

/** @throws {@link KitFailure} (exit code 2) when it is no number of at least `least`. */
export function numberOf(
  line: CommandLine,
  name: string,
  least: number,
  isWhole: boolean,
): number | undefined {
  const given = line.one(name);
  if (given === undefined) return undefined;
  const number = Number(given);
  if (
    given.trim() === '' ||
    !Number.isFinite(number) ||
    number < least ||
    (isWhole && !Number.isInteger(number))
  ) {
    throw usageFailure(`--${name} wants a ${isWhole ? 'whole ' : ''}number of at least ${least}`);
  }
  return number;
}
