import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { EXIT, KitFailure } from '../exit-code.ts';
import { type AdapterHost } from '../protocol/adapter-host.ts';
import { type Capabilities } from '../protocol/capabilities.ts';
import { type Result } from '../protocol/outcome.ts';
import { type CaseResult } from '../run/result.ts';
import { type Behaviour, type Case } from '../vectors/vector.ts';
import { Ended } from './ended.ts';
import { World } from './world.ts';
import { writeSteps } from './write-steps.ts';

/** How to play cases. */
export interface PlayOptions {
  readonly seed: string;
  /** Whether directories of cases stay. */
  readonly keep: boolean;
  /** Where to put the steps of cases that do not pass, and with `keep` of all; undefined: nowhere. */
  readonly evidence: string | undefined;
}

/** What came of a play. */
export interface Played {
  readonly result: Result;
  readonly more: Pick<CaseResult, 'convergenceMs'>;
}

/** Plays a case once: with a directory of its own, and nothing left open by earlier ones. */
export async function play(
  one: Case & { readonly behaviour: Behaviour },
  host: AdapterHost,
  capabilities: Capabilities,
  options: PlayOptions,
): Promise<Played> {
  const directory = newDirectory();
  const scratch = join(directory, 'w');
  mkdirSync(scratch);
  const world = new World({ host, capabilities, caseId: one.id, directory: scratch, seed: options.seed });
  host.observe({
    event: (event) => world.heard(event),
  });
  try {
    const played = await attempt(async () => {
      const branch = await one.behaviour.script(world);
      return { kind: 'ok', value: { done: true, ...(branch === undefined ? {} : { branch }) } };
    });
    const closed = await attempt(() => closeAll(world, host, capabilities));
    const result = played.kind === 'ok' && closed.kind !== 'ok' ? closed : played;
    const isWanted = options.keep || (result.kind !== 'ok' && result.kind !== 'impossible');
    if (options.evidence !== undefined && isWanted) {
      const { log } = world;
      writeSteps({ root: options.evidence, one, result, log, scratch, seed: options.seed });
    }
    const { convergenceMs } = world;
    return { result, more: convergenceMs === undefined ? {} : { convergenceMs } };
  } finally {
    host.observe(undefined);
    if (!options.keep) rmSync(directory, { recursive: true, force: true });
  }
}

/** @throws {@link KitFailure} (exit code 4) when there can be none. */
function newDirectory(): string {
  try {
    // Where the temporary directory is behind a link, files would have two names.
    return realpathSync(mkdtempSync(join(tmpdir(), 'spiffe-conformance-')));
  } catch (error) {
    throw new KitFailure(EXIT.kit, `no directory for a case: ${error instanceof Error ? error.message : ''}`);
  }
}

/** What came of something, whatever that is; only a run that cannot go on goes through. */
async function attempt(body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof Ended) return error.result;
    if (error instanceof KitFailure) throw error;
    return { kind: 'kit', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** Closes what the script left open, on both sides. */
async function closeAll(world: World, host: AdapterHost, capabilities: Capabilities): Promise<Result> {
  await world.end();
  if (!capabilities.has('resetIsClean')) {
    await host.end();
    return { kind: 'ok', value: {} };
  }
  const answer = await world.ask('reset', {});
  return answer.kind === 'ok' ? answer : { kind: 'observed', detail: 'reset was rejected' };
}
