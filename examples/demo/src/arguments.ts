import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { parseDuration } from './duration.ts';

/** What the command line asks for. */
export type Arguments =
  | { readonly mode: 'help' }
  | { readonly mode: 'wrong'; readonly message: string }
  | {
      readonly mode: 'run';
      /** Milliseconds of traffic; undefined: until interrupted. */
      readonly forMs: number | undefined;
      /** Where to write the summary as JSON. */
      readonly summaryFile: string | undefined;
      /** Where to serve the page; 0: at any free port; undefined: not asked for. */
      readonly pagePort: number | undefined;
    };

/** Below this there is no time for all that changes and every kind of intruder. */
const SHORTEST_RUN_MS = 5_000;

/** The text of `--help`. */
export const USAGE = `usage: npm start [-- [--for DURATION] [--summary FILE] [--page PORT]]

Runs services of many kinds in processes of their own that call each other over mutual TLS, while an embedded CA
replaces their SVIDs every few seconds, the root of the CA itself is replaced, a legacy service is migrated, a stolen
key is denied, and an intruder keeps trying to get in.

  --for DURATION   run for 20s, 2m, ... (at least ${SHORTEST_RUN_MS / 1_000}s); without it: until Ctrl-C
  --summary FILE   write the summary as JSON
  --page PORT      serve the page at this port of this machine; 0: at any free one, as without it at a terminal
  --help           this text

Exit codes: 0 all went well; 1 a request failed, an intruder got in, a stale identity was seen, or something that
should have happened did not; 2 wrong arguments.
`;

/** Reads the command line. */
export function parseArguments(args: readonly string[]): Arguments {
  // pnpm hands a leading `--` on.
  const given = args[0] === '--' ? args.slice(1) : [...args];
  let values: { for?: string; summary?: string; page?: string; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: given,
      options: {
        for: { type: 'string' },
        summary: { type: 'string' },
        page: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    return wrong((error as Error).message);
  }
  if (values.help === true) return { mode: 'help' };
  const forMs = values.for === undefined ? undefined : parseDuration(values.for);
  if (values.for !== undefined && forMs === undefined) {
    return wrong(`--for wants a duration like 20s, 2m or 7500ms, got "${values.for}"`);
  }
  if (forMs !== undefined && forMs < SHORTEST_RUN_MS) {
    return wrong(
      `--for wants at least ${SHORTEST_RUN_MS / 1_000}s, so that everything can happen once, got "${values.for}"`,
    );
  }
  if (values.summary === '') return wrong('--summary wants the name of a file');
  const pagePort = values.page === undefined ? undefined : Number(values.page);
  if (pagePort !== undefined && !(/^\d+$/.test(values.page ?? '') && pagePort <= 65_535)) {
    return wrong(`--page wants a port from 0 to 65535, got "${values.page}"`);
  }
  return {
    mode: 'run',
    pagePort,
    forMs,
    summaryFile: values.summary === undefined ? undefined : resolve(values.summary),
  };
}

function wrong(message: string): Arguments {
  return { mode: 'wrong', message };
}
