import { type AdapterCommand } from '../protocol/adapter-process.ts';

/** What a failure is run again with. */
export interface ReproOptions {
  /** The command that runs this kit. */
  readonly program: readonly string[];
  readonly adapter: AdapterCommand;
  /** The folder that the kit was run in: the adapter may be named relative to it. */
  readonly folder: string;
  /** The options that make a difference to the case. */
  readonly options: readonly string[];
}

/** A script that runs one case again as it was run, and ends as that run does: 1 while it fails, 0 when it passes. */
export function reproScript(id: string, status: string, repro: ReproOptions): string {
  const words = (list: readonly string[]): string => list.map((word) => quoted(word)).join(' ');
  return [
    '#!/bin/sh',
    `# ${id}: ${status}. Ends with 1 while it fails, and with 0 when it passes.`,
    '# SPIFFE_CONFORMANCE may name another kit, such as "npx @svidkit/conformance".',
    `cd ${quoted(repro.folder)} || exit 4`,
    'if [ -n "${SPIFFE_CONFORMANCE:-}" ]; then',
    '  # shellcheck disable=SC2086 # it is a command with its arguments',
    '  set -- $SPIFFE_CONFORMANCE',
    'else',
    `  set -- ${words(repro.program)}`,
    'fi',
    `exec "$@" run --case ${quoted(id)} ${words(repro.options)} -- ${words(repro.adapter)}`,
    '',
  ].join('\n');
}

/** As one word of a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
