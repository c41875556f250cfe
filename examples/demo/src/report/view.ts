import { type WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';

import { formatDuration } from '../duration.ts';
import { KIND_NAMES } from '../intruder/kinds.ts';
import { HOP_NAMES, HOPS, OUR_DOMAIN, PARTNER_DOMAIN, transportOf, WORKLOADS } from '../topology.ts';
import { type Scoreboard, titleOf } from './scoreboard.ts';
import { bar, table } from './table.ts';

/** Something that shows how a run goes. */
export interface View {
  start(): void;
  /** Shows nothing more, and leaves the terminal as it was. */
  stop(): void;
}

const REFRESH_MS = 250;
const EVENTS_SHOWN = 6;
const ESC = '\u001B[';
const BOLD = `${ESC}1m`;
const DIM = `${ESC}2m`;
const RED = `${ESC}31m`;
const GREEN = `${ESC}32m`;
const RESET = `${ESC}0m`;

/** What to say beside what happens. */
export interface ViewOptions {
  /** Milliseconds that the run is to take; undefined: until it is ended. */
  readonly forMs: number | undefined;
  /** Where the page is, if there is one. */
  readonly pageUrl: string | undefined;
}

/** A table that is refreshed in place, for people at a terminal. */
export function terminalView(board: Scoreboard, output: WriteStream, options: ViewOptions): View {
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    // As much as there is room for.
    const fitting = [2, 1, 0].map((detail) => render(board, options, detail));
    const lines = (fitting.find(({ length }) => length < output.rows) ?? fitting.at(-1) ?? []).slice(
      0,
      output.rows - 1,
    );
    // Each line is cleared behind its end, so that nothing flickers.
    output.write(`${ESC}H${lines.map((line) => `${cut(line, output.columns)}${ESC}K`).join('\n')}\n${ESC}J`);
  };
  return {
    start() {
      output.write(`${ESC}?1049h${ESC}?25l`); // the other screen, no cursor
      timer = setInterval(draw, REFRESH_MS);
      draw();
    },
    stop() {
      clearInterval(timer);
      output.write(`${ESC}?25h${ESC}?1049l`);
    },
  };
}

/** One line per second, for logs. */
export function statusLines(
  board: Scoreboard,
  write: (text: string) => void,
  { forMs, pageUrl }: ViewOptions,
): View {
  let timer: NodeJS.Timeout | undefined;
  let told = 0;
  const draw = (): void => {
    for (const { number, text, bad } of board.events) {
      if (bad && number > told) write(`  ! ${text}\n`);
    }
    told = board.events.at(-1)?.number ?? told;
    if (board.startedAt === undefined) return write('starting\n');
    const { attempts, rejected, accepted } = board.intruders;
    const ms = elapsed(board);
    write(
      [
        `${formatDuration(ms)}${forMs === undefined ? '' : ` of ${formatDuration(forMs)}`}:`,
        `${board.requests} requests, ${board.failed} failed;`,
        `${board.rotations} rotations, ${board.rootRotations} of the root${stepOf(board.rootProgress)};`,
        `migrated ${board.migration.completed} times${stepOf(board.migration.progress)};`,
        `intruders ${attempts} tried, ${rejected} rejected, ${accepted} accepted;`,
        `${board.staleIdentitySeen} stale of ${board.looks} seen`,
      ].join(' ') + '\n',
    );
  };
  return {
    start() {
      if (pageUrl !== undefined) write(`page: ${pageUrl}\n`);
      timer = setInterval(draw, 1_000);
    },
    stop() {
      clearInterval(timer);
      draw();
    },
  };
}

/**
 * All lines. With `detail` 1 the hops are left out, and with 0 the kinds of intruders, too; never those that there is
 * something to worry about.
 */
function render(board: Scoreboard, { forMs, pageUrl }: ViewOptions, detail: number): string[] {
  const now = Date.now();
  const { attempts, rejected, accepted, unproven } = board.intruders;
  return [
    `${BOLD}svidkit demo${RESET}  ${OUR_DOMAIN}, federated with ${PARTNER_DOMAIN}  ${clock(board, forMs)}`,
    ...(pageUrl === undefined ? [] : [`${DIM}the same as a page: ${pageUrl}${RESET}`]),
    '',
    ...emphasized(services(board, now)),
    '',
    ...(detail < 2 ? [] : [...emphasized(hops(board)), '']),
    `rotations ${board.rotations}   requests ${board.requests}   ${colored(`failed ${board.failed}`, board.failed)}   ${colored(`stale ${board.staleIdentitySeen} of ${board.looks} seen`, board.staleIdentitySeen)}`,
    `root      ${stepBar(board.rootProgress) ?? `rotated ${board.rootRotations} times`}`,
    `migration ${stepBar(board.migration.progress) ?? 'not begun'}; deliveries: ${board.migration.delivered.legacy} as legacy, ${board.migration.delivered.spiffe} by SPIFFE ID`,
    '',
    ...emphasized(intruders(board, detail === 0)),
    `intruders ${attempts} attempts, ${rejected} rejected, ${colored(`${accepted} accepted`, accepted)}${unproven > 0 ? `, ${RED}${unproven} unproven${RESET}` : ''}`,
    '',
    ...board.events
      .slice(-EVENTS_SHOWN)
      .map(
        ({ at, text, bad }) =>
          `${DIM}${new Date(at).toISOString().slice(11, 23)}${RESET} ${bad ? `${RED}${text}${RESET}` : text}`,
      ),
  ];
}

function services(board: Scoreboard, now: number): string[] {
  const right = 'right' as const;
  return table(
    [
      { title: 'spiffe://' },
      { title: 'by' },
      { title: 'serial' },
      { title: 'gen', align: right },
      { title: 'expires', align: right },
      { title: 'rotations', align: right },
      { title: 'calls/s', align: right },
      { title: 'served/s', align: right },
      { title: 'p50 ms', align: right },
      { title: 'p99 ms', align: right },
      { title: 'failed', align: right },
      { title: 'refused', align: right },
    ],
    WORKLOADS.map((name) => {
      const score = board.workloads[name];
      const { identity, latency, refused } = score;
      const { count, p50, p99 } = latency.toJSON();
      return [
        score.id.slice('spiffe://'.length),
        transportOf(name),
        identity?.serial.slice(0, 8).toLowerCase() ?? 'waiting',
        String(identity?.generation ?? ''),
        identity === undefined ? '' : `${((identity.notAfter - now) / 1_000).toFixed(1)} s`,
        String(score.rotations),
        score.callRate.perSecond.toFixed(0),
        score.serveRate.perSecond.toFixed(0),
        count === 0 ? '' : String(p50),
        count === 0 ? '' : String(p99),
        String(score.failed),
        String(Object.values(refused).reduce((sum, value) => sum + value, 0)),
      ];
    }),
  );
}

function hops(board: Scoreboard): string[] {
  const right = 'right' as const;
  return table(
    [
      { title: 'request' },
      { title: 'from' },
      { title: 'to' },
      { title: 'with' },
      { title: 'by' },
      { title: 'requests', align: right },
      { title: '/s', align: right },
      { title: 'failed', align: right },
      { title: 'p50 ms', align: right },
    ],
    HOP_NAMES.map((name) => {
      const { requests, failed, latency, rate } = board.hops[name];
      const { from, to, client, server } = HOPS[name];
      const { p50 } = latency.toJSON();
      const figures = [requests, rate.perSecond.toFixed(0), failed, p50].map(String);
      return [name, from, to, client, server, ...figures];
    }),
  );
}

function intruders(board: Scoreboard, compact: boolean): string[] {
  const kinds = KIND_NAMES.filter((kind) => {
    const { accepted, unproven } = board.judge.scores[kind];
    return !compact || accepted + unproven > 0;
  });
  if (kinds.length === 0) return [];
  const right = 'right' as const;
  return table(
    [
      { title: 'intruder' },
      { title: 'attempts', align: right },
      { title: 'rejected', align: right },
      { title: 'accepted', align: right },
      { title: 'controls', align: right },
      { title: 'with' },
    ],
    kinds.map((kind) => {
      const { attempts, rejected, accepted, control } = board.judge.scores[kind];
      return [kind, String(attempts), String(rejected), String(accepted), String(control), titleOf(kind)];
    }),
  );
}

function emphasized([head, ...rows]: readonly string[]): string[] {
  return head === undefined ? [] : [`${BOLD}${head}${RESET}`, ...rows];
}

type Progress = Scoreboard['rootProgress'];

function stepBar(progress: Progress): string | undefined {
  if (progress === undefined) return undefined;
  const { step, of, text } = progress;
  return `${bar(step / of, 12)} step ${step} of ${of}: ${text}`;
}

function stepOf(progress: Progress): string {
  return progress === undefined ? '' : ` (now step ${progress.step} of ${progress.of})`;
}

function colored(text: string, bad: number): string {
  return `${bad > 0 ? RED : GREEN}${text}${RESET}`;
}

function clock(board: Scoreboard, forMs: number | undefined): string {
  if (board.startedAt === undefined) return 'starting';
  const ms = elapsed(board);
  if (forMs === undefined) return `${formatDuration(ms)}, Ctrl-C ends it`;
  return `${bar(ms / forMs, 30)} ${formatDuration(ms)} of ${formatDuration(forMs)}`;
}

function elapsed({ startedAt, endedAt }: Scoreboard): number {
  return startedAt === undefined ? 0 : (endedAt ?? Date.now()) - startedAt;
}

/** No longer than the terminal is wide, colors not counted. */
function cut(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line;
  return stripVTControlCharacters(line).slice(0, columns);
}
