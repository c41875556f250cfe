import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { parseArguments, USAGE } from './arguments.ts';
import { type Page, servePage } from './report/page.ts';
import { renderSummary, summarize } from './report/summary.ts';
import { statusLines, terminalView } from './report/view.ts';
import { Stage } from './stage.ts';

/** Without an end, the changes come again after this long. */
const AGAIN_EVERY_MS = 45_000;
const FIRST_AFTER_MS = 8_000;
/** Intruders get at least this long to try what they have from before. */
const AFTER_CHANGE_MS = 2_500;
const FOREVER_MS = 2 ** 31 - 1;
const JUDGE_EVERY_MS = 250;

/**
 * Runs the demo as the command line asks.
 *
 * @returns the exit code.
 */
export async function runDemo(args: readonly string[]): Promise<number> {
  const asked = parseArguments(args);
  if (asked.mode === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (asked.mode === 'wrong') {
    process.stderr.write(`${asked.message}\n\n${USAGE}`);
    return 2;
  }

  const directory = mkdtempSync(join(tmpdir(), 'svidkit-demo-'));
  const removeDirectory = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', removeDirectory);
  const interrupted = new AbortController();
  const stage = await Stage.create(directory);
  const { board } = stage;
  const onSignal = (): void => {
    if (interrupted.signal.aborted) {
      stage.kill();
      process.exit(130);
    }
    interrupted.abort(new Error('interrupted'));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);

  const { forMs } = asked;
  const pagePort = asked.pagePort ?? (process.stdout.isTTY ? 0 : undefined);
  let page: Page | undefined;
  try {
    page = pagePort === undefined ? undefined : await servePage(board, forMs, pagePort);
  } catch (error) {
    process.stderr.write(`the page cannot be served at port ${pagePort}: ${(error as Error).message}\n`);
    return 2;
  }
  const told = { forMs, pageUrl: page?.url };
  const view = process.stdout.isTTY
    ? terminalView(board, process.stdout, told)
    : statusLines(board, (text) => process.stdout.write(text), told);
  const judging = setInterval(() => board.judge.judge(), JUDGE_EVERY_MS);
  view.start();
  try {
    await stage.open(interrupted.signal);
    await play(stage, forMs, interrupted.signal);
    await stage.close();
  } catch (error) {
    if (error !== interrupted.signal.reason) board.fail('demo', 'run', 'DEMO', (error as Error).message);
    stage.kill();
  } finally {
    clearInterval(judging);
    view.stop();
    page?.close();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }

  const timed = forMs !== undefined;
  const summary = summarize(board, { timed, interrupted: timed && interrupted.signal.aborted });
  if (asked.summaryFile !== undefined)
    writeFileSync(asked.summaryFile, `${JSON.stringify(summary, null, 2)}\n`);
  process.stdout.write(`\n${renderSummary(summary)}\n`);
  removeDirectory();
  return summary.ok ? 0 : 1;
}

/**
 * Lets traffic flow for as long as asked; meanwhile the root is replaced, a stolen key is denied, and a service is
 * migrated. On a machine so slow that this takes longer, so does the run: what is half done proves nothing. Resolves early
 * when interrupted.
 */
async function play(stage: Stage, forMs: number | undefined, interrupted: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const over = AbortSignal.any([interrupted, ended.signal]);
  const firstAfterMs = forMs === undefined ? FIRST_AFTER_MS : Math.min(forMs / 6, FIRST_AFTER_MS);
  const restMs = forMs === undefined ? 2_000 : Math.min(forMs / 20, 2_000);
  let changedAt = 0;
  const again = async (firstMs: number, change: () => Promise<void>): Promise<void> => {
    for (let wait = firstMs; await slept(wait, over); wait = AGAIN_EVERY_MS) {
      await change();
      changedAt = Date.now();
    }
  };
  const changes = Promise.all([
    again(firstAfterMs, async () => {
      await stage.rotateRoot(restMs, interrupted);
      await stage.denyThief(restMs, interrupted);
    }),
    again(1, () => stage.migrate(restMs, interrupted)),
  ]);
  await slept(forMs ?? FOREVER_MS, interrupted);
  ended.abort();
  await changes;
  if (forMs !== undefined) await slept(Math.max(changedAt + AFTER_CHANGE_MS - Date.now(), 1), interrupted);
}

/** Whether it slept through; false when it was woken. */
async function slept(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return sleep(milliseconds, true, { signal }).catch(() => false);
}
